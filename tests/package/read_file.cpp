#include <iostream>
#include <vector>

#include "io/csv.h"
#include "io/png.h"

// Fails unless a table is read, and a picture of one row written, as they should be.
int main() {
  const nabla::io::NumericTable table = nabla::io::parse_csv("0,255\n64,128\n", "table");
  const std::vector<std::uint8_t> pixels(table.values.begin(), table.values.end());
  const std::vector<std::uint8_t> png = nabla::io::encode_png(table.columns, table.rows, 1, pixels);
  std::cout << "a picture of " << png.size() << " bytes\n";
  return pixels[3] == 128 && png.size() > 8 && png[1] == 'P' ? 0 : 1;
}
