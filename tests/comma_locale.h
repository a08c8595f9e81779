#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>

#include <clocale>
#include <cstdlib>
#include <locale>
#include <string>

#include "tests/io/scratch.h"

namespace nabla::test {

/// While it lives, numbers are written as in 1.234,5 by all that follows the locale of the process: streams,
/// and printf where localedef (of the C library's own programs, with the character maps of Debian's locales)
/// can make such a locale.
class CommaLocale {
 public:
  CommaLocale() {
    io::test::spill(scratch_ / "source",
                    "LC_NUMERIC\ndecimal_point \"<U002C>\"\nthousands_sep \"<U002E>\"\ngrouping 3;3\n"
                    "END LC_NUMERIC\n");
    const std::string made = (scratch_ / "comma").string();
    // It complains of all that is not said of dates and money.
    const int status = std::system(
        ("localedef -c -i '" + (scratch_ / "source").string() + "' '" + made + "' >/dev/null 2>&1").c_str());
    static_cast<void>(status);
    const char* const before = std::getenv("LOCPATH");
    const std::string path = before ? before : "";
    ::setenv("LOCPATH", (scratch_ / "").c_str(), 1);
    std::setlocale(LC_NUMERIC, "comma");  // null where localedef made none
    before ? ::setenv("LOCPATH", path.c_str(), 1) : ::unsetenv("LOCPATH");
    if (std::localeconv()->decimal_point != std::string(","))
      MESSAGE("localedef made no locale: only streams are tested");
  }
  CommaLocale(const CommaLocale&) = delete;
  CommaLocale& operator=(const CommaLocale&) = delete;
  ~CommaLocale() {
    std::locale::global(streams_);
    std::setlocale(LC_NUMERIC, "C");
  }

 private:
  struct Comma : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };

  io::test::ScratchDirectory scratch_;
  std::locale streams_ = std::locale::global(std::locale(std::locale::classic(), new Comma));
};

/// Checks that what `write` writes does not depend on the locale, and that it holds a decimal point.
template <class Write>
void check_same_in_comma_locale(Write write) {
  const std::string expected = write();
  CHECK(expected.find('.') != std::string::npos);
  const CommaLocale locale;
  CHECK(write() == expected);
}

}  // namespace nabla::test
