#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "examples/report/image_grid.h"
#include "examples/report/line_chart.h"

namespace nabla::report {

/// A picture with its caption. `scale` is how many screen pixels one pixel of the image takes.
struct Figure {
  Image image;
  std::string caption;
  double scale = 1.0;
};

/// A page of text, tables, pictures and charts, written as one HTML file that loads nothing from elsewhere
/// and needs no script. All text is escaped; `words between backticks` are set as code in paragraphs and
/// captions.
class Report {
 public:
  explicit Report(std::string title);

  void heading(const std::string& text);
  void subheading(const std::string& text);
  void paragraph(const std::string& text);

  /// Text with its line breaks, in a fixed-width face.
  void preformatted(const std::string& text);

  /// A few large figures with their names: {"parameters", "1.2 million"}.
  void facts(const std::vector<std::pair<std::string, std::string>>& names_and_values);

  /// Columns that hold numbers only are aligned to the right. Every row is as long as the header.
  void table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
             const std::string& caption = "");

  void figure(const Figure& figure);

  /// Several figures beside each other, as many as the width allows.
  void figures(const std::vector<Figure>& figures);

  void chart(const LineChart& chart, const std::string& caption = "");

  /// A drawing as one <svg> element that is taken as it is; a wide one scrolls.
  void svg(const std::string& element, const std::string& caption = "");

  /// A line at the foot of the page, such as the command that made it.
  void footer(const std::string& text);

  /// The page as it would be written.
  std::string html() const;

  /// Writes the page; the file appears all at once. Throws nabla::Error.
  void write(const std::filesystem::path& path) const;

 private:
  std::string title_;
  std::string body_;
  std::string footer_;
};

}  // namespace nabla::report
