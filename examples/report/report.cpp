#include "examples/report/report.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string_view>

#include "engine/tensor/error.h"
#include "engine/tensor/escaped.h"
#include "examples/report/html.h"
#include "io/atomic_file.h"
#include "io/base64.h"
#include "io/png.h"

namespace nabla::report {
namespace {

std::string element(const std::string& tag, const std::string& content) {
  return "<" + tag + ">" + content + "</" + tag + ">\n";
}

/// Starts with a digit, perhaps behind a sign; a lone dash stands for a value that is not there.
bool looks_numeric(std::string_view cell) {
  for (const std::string_view sign : {"−", "-", "+", "±", "<", "≤", "∞"}) {
    if (cell.starts_with(sign)) {
      cell.remove_prefix(sign.size());
      break;
    }
  }
  return cell.empty() || (cell[0] >= '0' && cell[0] <= '9') || cell == "–" || cell == "—" || cell == "NaN";
}

std::vector<bool> numeric_columns(std::size_t columns, const std::vector<std::vector<std::string>>& rows) {
  std::vector<bool> numeric(columns, !rows.empty());
  for (const std::vector<std::string>& row : rows) {
    for (std::size_t i = 0; i < columns; ++i) numeric[i] = numeric[i] && looks_numeric(row[i]);
  }
  return numeric;
}

std::string table_row(const std::string& tag, const std::vector<std::string>& cells,
                      const std::vector<bool>& numeric) {
  std::string html = "<tr>";
  for (std::size_t i = 0; i < cells.size(); ++i) {
    html +=
        "<" + tag + (numeric[i] ? " class=\"right\">" : ">") + escaped_with_code(cells[i]) + "</" + tag + ">";
  }
  return html + "</tr>\n";
}

std::string caption_html(const std::string& caption) {
  return caption.empty() ? "" : element("figcaption", escaped_with_code(caption));
}

std::string figure_html(const Figure& figure) {
  const Image& image = figure.image;
  const std::string data = io::base64_encode(io::encode_png(image.width, image.height, 3, image.rgb));
  const auto screen = [&figure](std::int64_t pixels) {
    return std::to_string(std::llround(static_cast<double>(pixels) * figure.scale));
  };
  return element("figure", "<img alt=\"" + escaped(figure.caption) + "\" width=\"" + screen(image.width) +
                               "\" height=\"" + screen(image.height) + "\" src=\"data:image/png;base64," +
                               data + "\">\n" + caption_html(figure.caption));
}

}  // namespace

Report::Report(std::string title) : title_(std::move(title)) {}

void Report::heading(const std::string& text) { body_ += element("h2", escaped(text)); }

void Report::subheading(const std::string& text) { body_ += element("h3", escaped(text)); }

void Report::paragraph(const std::string& text) { body_ += element("p", escaped_with_code(text)); }

void Report::preformatted(const std::string& text) { body_ += element("pre", escaped(text)); }

void Report::facts(const std::vector<std::pair<std::string, std::string>>& names_and_values) {
  body_ += "<dl class=\"facts\">\n";
  for (const auto& [name, value] : names_and_values) {
    body_ += "<div><dt>" + escaped(name) + "</dt><dd>" + escaped(value) + "</dd></div>\n";
  }
  body_ += "</dl>\n";
}

void Report::table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
                   const std::string& caption) {
  for (const std::vector<std::string>& row : rows) {
    if (row.size() != header.size()) {
      throw Error("Report::table: a row has " + std::to_string(row.size()) + " cells, the header has " +
                  std::to_string(header.size()));
    }
  }
  const std::vector<bool> numeric = numeric_columns(header.size(), rows);
  body_ += "<div class=\"table\"><table>\n";
  if (!caption.empty()) body_ += element("caption", escaped_with_code(caption));
  body_ += "<thead>" + table_row("th", header, numeric) + "</thead>\n<tbody>\n";
  for (const std::vector<std::string>& row : rows) body_ += table_row("td", row, numeric);
  body_ += "</tbody></table></div>\n";
}

void Report::figure(const Figure& figure) { body_ += figure_html(figure); }

void Report::figures(const std::vector<Figure>& figures) {
  body_ += "<div class=\"row\">\n";
  for (const Figure& figure : figures) body_ += figure_html(figure);
  body_ += "</div>\n";
}

void Report::chart(const LineChart& chart, const std::string& caption) {
  body_ += "<figure class=\"chart\">\n" + chart_html(chart) + caption_html(caption) + "</figure>\n";
}

void Report::svg(const std::string& element, const std::string& caption) {
  body_ += "<figure><div style=\"overflow-x: auto\">\n" + element + "</div>" + caption_html(caption) +
           "</figure>\n";
}

void Report::footer(const std::string& text) { footer_ = text; }

std::string Report::html() const {
  std::string page = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  page += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  page += element("title", escaped(title_));
  page += "<style>" + std::string(style_sheet()) + "</style>\n</head>\n<body>\n<main>\n";
  page += element("h1", escaped(title_)) + body_;
  if (!footer_.empty()) page += element("footer", escaped_with_code(footer_));
  return page + "</main>\n</body>\n</html>\n";
}

void Report::write(const std::filesystem::path& path) const { io::write_file(path, html()); }

}  // namespace nabla::report
