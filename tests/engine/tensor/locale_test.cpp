#include <sstream>

#include "engine/engine.h"
#include "engine/graph/print.h"
#include "engine/tensor/number_text.h"
#include "tests/comma_locale.h"

namespace nabla {
namespace {

std::string refusal(auto call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("numbers are written with a point and as printf writes them in the C locale") {
  CHECK(number_text(0.1) == "0.1");
  CHECK(number_text(-1e300) == "-1e+300");
  CHECK(number_text(1234.5678, 3) == "1.23e+03");
  CHECK(number_text(2, 3) == "2");
  CHECK(fixed_text(1234.567, 2) == "1234.57");
  CHECK(fixed_text(1e308, 1).size() == 311);
}

TEST_CASE("what explains a plan or a divergence, and values and errors, do not depend on the locale") {
  const Tensor w = tensor(std::vector<float>(40 * 1040, 0.125f), {40, 1040});
  const Tensor x = tensor(std::vector<float>(3 * 1040, 0.5f), {3, 1040});
  const auto f = [&](const Tensor& at) { return matmul(tanh(matmul(at, transpose(w)) * 0.75), w); };
  test::check_same_in_comma_locale([&] { return explain(f(x * 2)); });
  test::check_same_in_comma_locale([&] { return explain_html(f(x * 2), "title"); });
  test::check_same_in_comma_locale([&] { return explain_divergence(f, x).text(); });
  test::check_same_in_comma_locale([&] { return explain_divergence(f, x).svg(); });
  test::check_same_in_comma_locale([&] { return to_text({f(full({1, 1040}, 0.25))}); });
  test::check_same_in_comma_locale([&] {
    std::ostringstream stream;
    stream.imbue(std::locale::classic());
    stream << tensor<double>({1234.5, 1e-7}, {2}) << tensor<std::int64_t>({12345}, {1}) << x;
    return stream.str();
  });
  test::check_same_in_comma_locale([&] {
    return refusal([&] { clamp(x, 1000.5, 0.5); }) + refusal([&] { full({}, 300.5, DType::u8); }) +
           refusal([&] { x + 1e300; });
  });
}

}  // namespace nabla
