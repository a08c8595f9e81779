#include "engine/plan/step_text.h"

#include <algorithm>

#include "tests/engine/numbers.h"

// Costs are counted by hand here, and compared exactly.

namespace nabla::test {
namespace {

std::shared_ptr<const Plan> plan_of(const Tensor& y) { return make_plan(std::span(&y, 1)).plan; }

void check_cost(const PlanCost& cost, double flops, double read, double written) {
  CHECK(cost.flops == flops);
  CHECK(cost.bytes_read == read);
  CHECK(cost.bytes_written == written);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = text.find('\n', start);
    REQUIRE(end != std::string::npos);
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

Tensor f32_ones(const Shape& shape) { return ones(shape).detach(); }

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// What is wrong with a page: a tag that is not closed by its own end, a quote left open, a bare < or &.
// Empty if nothing is.
std::string fault_of(const std::string& page) {
  std::vector<std::string> open;
  for (std::size_t at = 0; at < page.size(); ++at) {
    if (page[at] == '&') {
      const std::string entity = page.substr(at, page.find(';', at) - at);
      if (entity != "&amp" && entity != "&lt" && entity != "&gt" && entity != "&quot")
        return "bare " + entity;
    }
    if (page[at] != '<') continue;
    std::size_t end = at + 1;
    for (bool quoted = false; end < page.size() && (quoted || page[end] != '>'); ++end) {
      if (page[end] == '"') quoted = !quoted;
      if (page[end] == '<') return "< inside of " + page.substr(at, end - at);
    }
    if (end >= page.size()) return "no end of " + page.substr(at, 40);
    const std::string tag = page.substr(at + 1, end - at - 1);
    const std::string name = tag.substr(0, tag.find(' '));
    if (name.starts_with('/')) {
      if (open.empty() || open.back() != name.substr(1)) return name + " closes another tag";
      open.pop_back();
    } else if (name != "!DOCTYPE" && name != "meta" && !tag.ends_with('/')) {
      open.push_back(name);
    }
  }
  return open.empty() ? "" : open.back() + " is not closed";
}

}  // namespace

TEST_CASE("a product costs 2 m n k operations, each matrix read or written once") {
  const Tensor a = f32_ones({8, 4});
  const Tensor b = f32_ones({4, 2});
  const auto plan = plan_of(matmul(a, b));
  REQUIRE(plan->steps().size() == 1);
  check_cost(cost_of(*plan, 0), 2 * 8 * 4 * 2, 4 * (32 + 8), 4 * 16);
  check_cost(cost_of(*plan), 128, 160, 64);
  // A batch of them; the second operand serves all and is read once.
  const auto batched = plan_of(matmul(f32_ones({3, 8, 4}), f32_ones({3, 4, 2})));
  check_cost(cost_of(*batched, 0), 3 * 128, 3 * 160, 3 * 64);
  const auto shared = plan_of(contraction(f32_ones({3, 8, 4, 1}), f32_ones({1, 1, 4, 2}), {-2}));
  check_cost(cost_of(*shared, 0), 3 * 128, 4 * (96 + 8), 3 * 64);
  // Sums over two axes, and over none.
  const auto two = plan_of(contraction(f32_ones({5, 4, 1}), f32_ones({5, 4, 7}), {-3, -2}));
  check_cost(cost_of(*two, 0), 2 * 5 * 4 * 7, 4 * (20 + 140), 4 * 7);
  const auto outer = plan_of(contraction(f32_ones({5, 1}), f32_ones({1, 7}), {}));
  check_cost(cost_of(*outer, 0), 5 * 7, 4 * 12, 4 * 35);
}

TEST_CASE("a program costs its instructions times its elements; what it repeats is read once") {
  const Tensor x = f32_ones({64, 32});
  const Tensor bias = f32_ones({32});
  const Tensor row = f32_ones({64, 1});
  const Tensor chain = nabla::tanh(x + bias) * row;
  const auto plan = plan_of(chain);
  REQUIRE(plan->steps().size() == 1);
  check_cost(cost_of(*plan, 0), 3 * 64 * 32, 4 * (64 * 32 + 32 + 64), 4 * 64 * 32);
  // Constants are not read from memory that counts.
  const Tensor line = x * 2 + 1;
  check_cost(cost_of(*plan_of(line)), 2 * 64 * 32, 4 * 64 * 32, 4 * 64 * 32);
  // A view counts the elements that it shows; a comparison writes bytes.
  check_cost(cost_of(*plan_of(less(slice(x, 1, 0, 5), 2))), 64 * 5, 4 * 64 * 5, 64 * 5);
}

TEST_CASE("the cost of a network's derivative is that of its products and its activation") {
  const Tensor w1 = f32_ones({5, 9});
  const Tensor w2 = f32_ones({9, 5});
  const Tensor x = f32_ones({3, 5});
  const Field v = [&](const Tensor& at) { return matmul(nabla::tanh(matmul(at, w1)), w2); };
  const Tensor tangent = jvp(v, x, x + 1).tangent;
  const auto forward = plan_of(tangent);
  // dx; x w1 and dx w1; sech^2 times a tangent, 3 instructions; one product with w2.
  const double first = 2 * 3 * 5 * 9;
  CHECK(cost_of(*forward).flops == 3 * 5 + 2 * first + 3 * 3 * 9 + first);
  // Every tangent of the hidden layer is a row of w1 times the derivative of tanh: no product makes it, and
  // the trace takes from the last product no more than its diagonal.
  const Tensor trace = divergence(v, x);
  const auto divergence_plan = plan_of(trace);
  CHECK(cost_of(*divergence_plan).flops == first + 2 * 3 * 9 + 5 * 3 * 9 + 2 * 5 * 3 * 9);
  for (const auto& plan : {forward, divergence_plan}) {
    PlanCost total;
    for (std::size_t s = 0; s < plan->steps().size(); ++s) {
      total.flops += cost_of(*plan, s).flops;
      total.bytes_read += cost_of(*plan, s).bytes_read;
      total.bytes_written += cost_of(*plan, s).bytes_written;
    }
    check_cost(cost_of(*plan), total.flops, total.bytes_read, total.bytes_written);
  }
}

TEST_CASE("reductions, random numbers, indices and copies") {
  const Tensor x = f32_ones({6, 10});
  check_cost(cost_of(*plan_of(sum(x, {0}))), 60, 240, 40);
  check_cost(cost_of(*plan_of(softmax(x))), 300, 240, 240);
  check_cost(cost_of(*plan_of(logsumexp(x, {-1}))), 240, 240, 24);
  check_cost(cost_of(*plan_of(argmax(x))), 60, 240, 48);
  check_cost(cost_of(*plan_of(random_bits(random_key(3), {5, 7}))), 35, 8, 140);
  check_cost(cost_of(*plan_of(transpose(x))), 0, 240, 240);  // results are dense
  // Picking two rows of six reads two rows and two indices.
  check_cost(cost_of(*plan_of(take(x, i64({4, 1}, {2})))), 0, 4 * 20 + 2 * 8, 4 * 20);
  const auto added = plan_of(scatter_add(x, reshape(i64({0, 2, 0, 1, 1, 2}, {6}), {6, 1}), 0, 3));
  check_cost(cost_of(*added), 60, 240 + 48, 4 * 30);
  check_cost(cost_of(*plan_of(sum(f32_ones({0, 4})))), 0, 0, 4);
}

TEST_CASE("the table says what a step does, from what, at which cost, and where its result lives") {
  const Tensor x = f32_ones({64, 32});
  const Tensor w = f32_ones({32, 512});
  const Tensor bias = f32_ones({512});
  const auto activation = [](const Tensor& h) { return nabla::tanh(h) * h; };
  const Tensor y = matmul(activation(matmul(x, w) + bias), transpose(w));
  const std::vector<std::string> lines = lines_of(explain(y));
  REQUIRE(lines.size() == 7);
  const auto has = [&](std::size_t line, const std::vector<std::string>& parts) {
    INFO(lines[line]);
    for (const std::string& part : parts) {
      INFO(part);
      CHECK(contains(lines[line], part));
    }
  };
  // 2 * 64 * 32 * 512 operations twice, 3 * 64 * 512 between them.
  has(1, {"contraction m64 n512 k32", " f32", "L0", "L1", "2.10 MF", "48.9", "205 kB", "@0", "_test.cpp:"});
  has(2, {"fused 3: add tanh mul", "[64, 512] f32", "#0", "L2", "98.3 kF", "2.3", "264 kB", "over #0"});
  has(3, {"contraction m64 n32 k512", "#1 L", "2.10 MF", "result"});
  has(4, {"leaves  L0 [", "[64, 32] f32", "[32, 512] f32", "L2 [512] f32"});
  has(5, {"3 steps, 4.29 MFLOP, ", "403 kB read", "270 kB written", "6.37 FLOP/B"});
  has(6, {"arena 131 kB for 262 kB of temporaries", "results 8.19 kB", "peak 139 kB", "leaves 75.8 kB"});
}

TEST_CASE("explain writes one line for each step however long its operands are") {
  const Shape shape{1000000, 11, 12, 13, 14, 15, 16, 17};
  const Tensor many =
      reshape(concatenate(std::vector<Tensor>(30, ones({1, 1, 1, 1, 1, 1, 1, 17}).detach()), 0),
              {1, 1, 1, 1, 1, 30, 1, 17});
  Tensor y = nabla::sin(broadcast_to(slice(many, 5, 0, 15), shape)) * iota(17, DType::f32);
  for (int i = 0; i < 30; ++i) y = nabla::cos(y + i);
  const std::string text = explain(y);
  const std::size_t steps = plan_of(y)->steps().size();
  REQUIRE(steps >= 3);
  const std::vector<std::string> lines = lines_of(text);
  CHECK(lines.size() >= steps + 3);
  for (std::size_t s = 0; s < steps; ++s) {
    INFO(lines[s + 1]);
    CHECK(lines[s + 1].starts_with(std::to_string(s) + "  "));
    CHECK(contains(lines[s + 1], ".cpp:"));
  }
  CHECK(contains(text, to_string(shape)));
  // What is cut ends with a whole name.
  const std::size_t fused = text.find("fused 62: ");
  REQUIRE(fused != std::string::npos);
  const std::string names = text.substr(fused + 10, text.find(" ..", fused) - fused - 10);
  for (std::size_t start = 0; start < names.size(); start = names.find(' ', start) + 1) {
    const std::string name = names.substr(start, names.find(' ', start) - start);
    CHECK((name == "sin" || name == "mul" || name == "add" || name == "cos"));
    if (names.find(' ', start) == std::string::npos) break;
  }
}

TEST_CASE("ordinary tables fit in about 110 columns") {
  const Tensor w = f32_ones({64, 256});
  const Field v = [&](const Tensor& x) { return matmul(gelu(matmul(x, w)), transpose(w)); };
  for (const std::string& line : lines_of(explain(divergence(v, f32_ones({128, 64}))))) {
    INFO(line);
    CHECK(line.size() <= 116);
  }
}

TEST_CASE("the page is well formed, shows every step and every block, and escapes what it is given") {
  CHECK(fault_of("<p>a<b>c</p></b>") == "/p closes another tag");
  const Tensor x = f32_ones({16, 8});
  const Tensor w = f32_ones({8, 8});
  Tensor y = x;
  for (int i = 0; i < 5; ++i) y = sum(nabla::tanh(matmul(y, w) * 2 + i), {-1}, true) + x;
  const auto plan = plan_of(y);
  const std::string page = explain_html(*plan, "a <script> & \"more\"");
  CHECK(fault_of(page) == "");
  CHECK(contains(page, "<title>a &lt;script&gt; &amp; &quot;more&quot;</title>"));
  CHECK(count_of(page, "<script>") == 1);
  const std::vector<ExplainedStep> steps = explained_steps(*plan);
  CHECK(count_of(page, "<tr id=\"step-") == steps.size());
  for (std::size_t s = 0; s < steps.size(); ++s) {
    CHECK(contains(page, "<tr id=\"step-" + std::to_string(s) + "\""));
    CHECK(contains(page, steps[s].what));
    CHECK(contains(page, ">" + steps[s].line + "<"));
  }
  std::size_t blocks = 0;
  for (const PlanStorage& storage : plan->storages())
    blocks += storage.bytes > 0 &&
              (storage.kind == PlanStorage::Kind::temporary || storage.kind == PlanStorage::Kind::output);
  CHECK(blocks >= 3);
  CHECK(count_of(page, "<rect ") == blocks);
  CHECK(contains(page, "%0 = mul #0 const\n"));
  CHECK(contains(page, "<a href=\"#step-0\">#0</a>"));
  CHECK(explain_html(y, "t") == explain_html(*plan, "t"));
  for (const char* outside : {"http:", "https:", "src=", "@import", "url("})
    CHECK_FALSE(contains(page, outside));
  CHECK(fault_of(explain_html(x, "nothing to do")) == "");
}

TEST_CASE("a compiled function's page has a section for each of its plans") {
  Cell w(f32_ones({3, 4}));
  Cell moment(f32_ones({5, 4}));
  const auto f =
      compile([&](const Tensor& x) { moment.assign(moment.get() * 0.5 + matmul(x, nabla::exp(w.get()))); });
  f(f32_ones({5, 3}));
  const std::vector<NamedPlan> plans = f.plans();
  REQUIRE(plans.size() == 2);
  CHECK(plans[0].heading == "prologue: for each version of its cells, [5, 3] f32");
  CHECK(plans[1].heading.starts_with("call: [5, 3] f32; reads "));
  const std::string page = explain_html(f, "f");
  CHECK(fault_of(page) == "");
  CHECK(count_of(page, "<h2>") == 2);
  CHECK(contains(page, "<tr id=\"plan0-step-0\""));
  CHECK(contains(page, "<tr id=\"plan1-step-1\""));
  // The new value of the moment takes the place of the old one.
  CHECK(contains(page, "1 written over"));
  CHECK(contains(page, ">over L"));
  CHECK(contains(explain(f), "over L"));
}

}  // namespace nabla::test
