#include "engine/explain/elimination_picture.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/tensor/number_text.h"

namespace nabla {
namespace {

constexpr double kColumn = 150, kRow = 110, kBoxWidth = 56, kMargin = 24, kLegend = 34;

struct Place {
  double x, y, height;  // the middle of a box
};

std::string number(double value) { return fixed_text(value, 1); }

// What rules the cost of an edge: its dearest term.
MapKind dearest(const std::vector<CountedMap>& terms) {
  const auto dearness = [](const CountedMap& map) {
    static constexpr int kOrder[] = {0, 2, 4, 1, 3};  // diagonal, shared, per_sample, low_rank, applied
    return kOrder[static_cast<int>(map.kind)];
  };
  return std::ranges::max_element(terms, {}, dearness)->kind;
}

const char* colour_of(MapKind kind) {
  switch (kind) {
    case MapKind::diagonal:
      return "#8a8f98";
    case MapKind::shared:
      return "#1f5fa8";
    case MapKind::per_sample:
      return "#c0392b";
    case MapKind::low_rank:
      return "#b7791f";
    case MapKind::applied:
      return "#6b3fa0";
  }
  return "#000000";
}

std::string label_of(const CountedMap& map) {
  const std::string extents = std::to_string(map.rows) + "×" + std::to_string(map.columns);
  switch (map.kind) {
    case MapKind::diagonal:
      return !varies(map.left) ? "1" : CountedValues::is_uniform(*map.left) ? "c" : "D";
    case MapKind::shared:
      return (varies(map.left) ? "D " : "") + ("W " + extents) + (varies(map.right) ? " D" : "");
    case MapKind::per_sample:
      return "J " + extents;
    case MapKind::low_rank:
      return "rank " + std::to_string(map.left->rows);
    case MapKind::applied:
      return "f " + extents;
  }
  return {};
}

std::string text_at(double x, double y, const std::string& text, const std::string& more = "") {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"middle\" " + more + ">" + text +
         "</text>\n";
}

// Columns by the longest way from the argument, rows within a column by number.
std::map<int, Place> places_of(const EliminationGraph& graph, double& width, double& height) {
  std::map<int, int> column{{graph.argument, 0}, {graph.result, 1}};
  for (const EliminationGraph::Edge& edge : graph.edges) column[edge.from], column[edge.to];
  for (std::size_t turn = 0; turn < column.size(); ++turn)
    for (const EliminationGraph::Edge& edge : graph.edges)
      column[edge.to] = std::max(column[edge.to], column[edge.from] + 1);
  std::map<int, int> in_column;
  for (const auto& [vertex, at] : column) ++in_column[at];
  int columns = 0, rows = 1;
  for (const auto& [at, count] : in_column) columns = std::max(columns, at + 1), rows = std::max(rows, count);
  width = 2 * kMargin + kColumn * (columns - 1) + kBoxWidth;
  // Lines that pass over boxes need room above them.
  const double above = 70;
  height = above + kRow * rows + kLegend;
  std::map<int, Place> places;
  std::map<int, int> used;
  for (const auto& [vertex, at] : column) {
    const double size = static_cast<double>(std::max<std::int64_t>(1, graph.sizes[vertex]));
    const double box = std::clamp(18 + 6 * std::log2(size), 24.0, 84.0);
    const double middle = above + kRow * (rows - in_column[at]) / 2.0 + kRow * (used[at]++ + 0.5);
    places[vertex] = {kMargin + kBoxWidth / 2 + kColumn * at, middle, box};
  }
  return places;
}

std::string draw_edge(const EliminationGraph::Edge& edge, const Place& from, const Place& to, double lift) {
  const char* colour = colour_of(dearest(edge.terms));
  const double x1 = from.x + kBoxWidth / 2, x2 = to.x - kBoxWidth / 2, bend = (x2 - x1) / 2;
  const double y1 = from.y - (lift > 0 ? from.height / 4 : 0), y2 = to.y - (lift > 0 ? to.height / 4 : 0);
  const std::string path = "M" + number(x1) + " " + number(y1) + " C" + number(x1 + bend / 2) + " " +
                           number(y1 - lift) + " " + number(x2 - bend / 2) + " " + number(y2 - lift) + " " +
                           number(x2) + " " + number(y2);
  const std::string stroke = std::string("stroke=\"") + colour + "\"";
  std::string drawn = "<path d=\"" + path + "\" fill=\"none\" " + stroke + " stroke-width=\"2\"/>\n";
  double y = (y1 + y2) / 2 - 0.75 * lift - 7;
  for (auto term = edge.terms.rbegin(); term != edge.terms.rend(); ++term, y -= 12)
    drawn += text_at((x1 + x2) / 2, y, label_of(*term),
                     std::string("font-size=\"10\" fill=\"") + colour_of(term->kind) + "\"");
  return drawn;
}

std::string legend(double y) {
  static constexpr std::pair<MapKind, const char*> kEntries[] = {{MapKind::diagonal, "diagonal"},
                                                                 {MapKind::low_rank, "low rank"},
                                                                 {MapKind::shared, "shared matrix"},
                                                                 {MapKind::per_sample, "matrix of a sample"},
                                                                 {MapKind::applied, "applied"}};
  std::string text;
  double x = kMargin;
  for (const auto& [kind, name] : kEntries) {
    text += "<rect x=\"" + number(x) + "\" y=\"" + number(y - 4) + "\" width=\"16\" height=\"3\" fill=\"" +
            colour_of(kind) + "\"/><text x=\"" + number(x + 21) + "\" y=\"" + number(y) +
            "\" font-size=\"10\">" + name + "</text>\n";
    x += 34 + 6.0 * static_cast<double>(std::string_view(name).size());
  }
  return text;
}

}  // namespace

std::string draw_elimination(const EliminationGraph& graph, const EliminationOrder* order) {
  const EliminationGraph simple = without_trivial_vertices(graph);
  double width = 0, height = 0;
  const std::map<int, Place> places = places_of(simple, width, height);
  width = std::max(width, 420.0);
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + number(width) + " " +
                    number(height) + "\" width=\"" + number(width) + "\" height=\"" + number(height) +
                    "\" font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#222\">\n"
                    "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
  for (const EliminationGraph::Edge& edge : simple.edges) {
    const Place& from = places.at(edge.from);
    const Place& to = places.at(edge.to);
    const double columns = (to.x - from.x) / kColumn;
    svg += draw_edge(edge, from, to, columns > 1.5 ? std::min(60.0, 20 * columns) : 0);
  }
  std::map<int, int> turn;
  if (order) {
    int next = 0;
    for (const int vertex : order->vertices)
      if (places.contains(vertex)) turn[vertex] = ++next;
  }
  for (const auto& [vertex, place] : places) {
    const double left = place.x - kBoxWidth / 2, top = place.y - place.height / 2;
    const bool is_end = vertex == graph.argument || vertex == graph.result;
    svg += "<rect x=\"" + number(left) + "\" y=\"" + number(top) + "\" width=\"" + number(kBoxWidth) +
           "\" height=\"" + number(place.height) + "\" rx=\"6\" fill=\"" + (is_end ? "#e8eef7" : "#f6f6f4") +
           "\" stroke=\"#444\"/>\n";
    const std::string name = vertex == graph.argument ? "x"
                             : vertex == graph.result ? "f(x)"
                                                      : "v" + std::to_string(vertex);
    svg += text_at(place.x, place.y - 1, name, "font-size=\"11\" fill=\"#555\"");
    svg += text_at(place.x, place.y + 13, std::to_string(graph.sizes[vertex]));
    if (const auto at = turn.find(vertex); at != turn.end()) {
      svg += "<circle cx=\"" + number(left + kBoxWidth) + "\" cy=\"" + number(top) +
             "\" r=\"10\" fill=\"#2d7d46\"/>\n";
      svg += text_at(left + kBoxWidth, top + 4, std::to_string(at->second),
                     "font-size=\"11\" fill=\"#fff\" font-weight=\"bold\"");
    }
  }
  return svg + legend(height - 12) + "</svg>\n";
}

}  // namespace nabla
