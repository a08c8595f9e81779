#include "engine/ops/contraction.h"

#include <map>

#include "engine/backend/cpu/product/matmul.h"
#include "engine/backend/instruction_set.h"
#include "tests/engine/numbers.h"

// The product's kernel sorts axes by role and memory layout into quite different loops: each must give what a
// broadcasting multiplication and a sum give.

namespace nabla::test {
namespace {

using AxisExtents = std::map<char, std::int64_t>;

Shape shape_of(const std::string& letters, const AxisExtents& extents) {
  Shape shape;
  for (const char letter : letters) shape.push_back(extents.at(letter));
  return shape;
}

struct Formula {
  std::string a, b, result;
  explicit Formula(const std::string& text)
      : a(text.substr(0, text.find(','))),
        b(text.substr(a.size() + 1, text.find("->") - a.size() - 1)),
        result(text.substr(text.find("->") + 2)) {}
};

// x with its axes in the order of `all`, and extents of 1 where it has none.
Tensor aligned(const Tensor& x, const std::string& letters, const std::string& all) {
  Axes order;
  Shape shape;
  for (const char letter : all) {
    const std::size_t at = letters.find(letter);
    shape.push_back(at == std::string::npos ? 1 : x.shape()[static_cast<int>(at)]);
    if (at != std::string::npos) order.push_back(static_cast<int>(at));
  }
  return reshape(permute(cast(x, DType::f64), order), shape);
}

Tensor by_definition_of(const Formula& formula, const Tensor& a, const Tensor& b) {
  std::string all = formula.result;
  Axes summed;
  for (const char letter : formula.a + formula.b) {
    if (all.find(letter) != std::string::npos) continue;
    summed.push_back(static_cast<int>(all.size()));
    all += letter;
  }
  // A leaf in between, so that no rewriting can turn this into the product under test.
  const Tensor terms = (aligned(a, formula.a, all) * aligned(b, formula.b, all)).detach();
  return summed.empty() ? terms : sum(terms, summed);
}

Axes reversed(int rank) {
  Axes order;
  for (int axis = rank; axis-- > 0;) order.push_back(axis);
  return order;
}

constexpr int kLayouts = 7;

// A tensor of this shape whose elements lie in memory in one of several ways.
Tensor operand(const Shape& shape, DType dtype, int layout, double salt) {
  const auto filled = [&](const Shape& s) {
    return cast(nabla::sin(counting(s, 0.37) + salt), dtype).detach();
  };
  if (shape.rank() == 0) return filled(shape);
  Shape other = shape;
  switch (layout) {
    case 1: {
      for (int i = 0; i < shape.rank(); ++i) other[i] = shape[-1 - i];
      return permute(filled(other), reversed(shape.rank()));
    }
    case 2:
      return flip(filled(shape), -1);
    case 3:
      return flip(filled(shape), 0);
    case 4:
    case 5: {
      const int axis = layout == 4 ? -1 : 0;
      if (shape[axis] == 0) return filled(shape);
      other[axis] = 1;
      return broadcast_to(filled(other), shape);
    }
    case 6:
      other[-1] = 2 * shape[-1];
      return slice(filled(other), -1, 0, 2 * shape[-1], 2);
    default:
      return filled(shape);
  }
}

// Elements are at most 1, so errors grow with the number of terms.
double tolerance(DType dtype, const Tensor& a, const Tensor& result) {
  const double terms = static_cast<double>(std::max<std::int64_t>(1, a.size()));
  const double most = result.size() == 0 ? 1 : std::min(terms, 4000.0);
  return (dtype == DType::f32 ? 3e-7 : 1e-15) * (most + 4);
}

void expect_product(const std::string& text, const AxisExtents& extents, DType dtype, int layout_a,
                    int layout_b) {
  const Formula formula(text);
  const Tensor a = operand(shape_of(formula.a, extents), dtype, layout_a, 0.2);
  const Tensor b = operand(shape_of(formula.b, extents), dtype, layout_b, 1.3);
  const Tensor got = einsum(text, a, b);
  INFO(text, " ", to_string(a.shape()), " ", to_string(b.shape()), " ", std::string(name_of(dtype)),
       ", layouts ", layout_a, " and ", layout_b);
  CHECK(distance(got, by_definition_of(formula, a, b)) <= tolerance(dtype, a, got));
}

void expect_products(const std::string& text, const AxisExtents& extents) {
  for (const DType dtype : {DType::f32, DType::f64})
    for (int a = 0; a < kLayouts; ++a)
      for (int b = 0; b < kLayouts; ++b) expect_product(text, extents, dtype, a, b);
}

const char* const kFormulas[] = {
    "mk,kn->mn",   "mk,bkn->bmn",  "bmk,kn->bmn",  "bmk,bkn->bmn",  "kmp,bpn->kbmn", "kbd,be->kde",
    "bi,bj->ijb",  "kbi,ij->bkj",  "abc,cbd->dab", "abc,cbd->bda",  "i,j->ij",       "i,i->",
    "bi,bi->b",    "bi,i->b",      "ab,cd->cadb",  "abk,kcd->acbd", "abk,ckd->dcba", "pqi,pqj->ij",
    "piq,qpj->ji", "bpi,pbj->bij", "ab,ab->ab",    "a,ab->ba",
};

AxisExtents every_letter(std::int64_t extent) {
  AxisExtents extents;
  for (const char letter : std::string("abcdeijkmnpq")) extents[letter] = extent;
  return extents;
}

}  // namespace

TEST_CASE("products of few results, in every layout") {
  AxisExtents extents = every_letter(2);
  extents['k'] = 9;  // more than one bundle of the sums side by side
  extents['b'] = 3;
  extents['p'] = 11;
  for (const char* text : kFormulas) expect_products(text, extents);
}

TEST_CASE("products of a few dozen results, in every layout") {
  AxisExtents extents = every_letter(5);
  extents['i'] = extents['m'] = 17;
  extents['j'] = extents['n'] = 6;
  extents['b'] = 3;
  for (const char* text : kFormulas) expect_products(text, extents);
}

TEST_CASE("products with an axis of extent 0 or 1") {
  for (const std::int64_t extent : {std::int64_t{0}, std::int64_t{1}})
    for (const char* text : kFormulas)
      for (const char letter : std::string("abcdeijkmnpq")) {
        if (std::string(text).find(letter) == std::string::npos) continue;
        AxisExtents extents = every_letter(5);
        extents[letter] = extent;
        for (const int layout : {0, 1, 2})
          for (const DType dtype : {DType::f32, DType::f64})
            expect_product(text, extents, dtype, layout, 2 - layout);
      }
}

TEST_CASE("products large enough to be cut into blocks") {
  // 2 m n k lies above 1e6 and, with the long sum, above 16e6; no block divides the extents.
  const std::pair<const char*, AxisExtents> large[] = {
      {"mk,kn->mn", {{'m', 131}, {'k', 70}, {'n', 67}}},
      {"mk,kn->mn", {{'m', 67}, {'k', 70}, {'n', 131}}},
      {"mk,kn->nm", {{'m', 131}, {'k', 70}, {'n', 67}}},
      {"mk,bkn->bmn", {{'m', 33}, {'k', 70}, {'n', 67}, {'b', 5}}},
      {"bmk,kn->bmn", {{'m', 33}, {'k', 70}, {'n', 67}, {'b', 5}}},
      {"kmp,bpn->kbmn", {{'k', 3}, {'m', 21}, {'p', 70}, {'b', 4}, {'n', 35}}},
      {"kbd,be->kde", {{'k', 3}, {'b', 70}, {'d', 67}, {'e', 41}}},
      {"bi,bj->ijb", {{'b', 7}, {'i', 131}, {'j', 67}}},
      {"kbi,ij->bkj", {{'k', 9}, {'b', 11}, {'i', 70}, {'j', 75}}},
      {"abc,cbd->dab", {{'a', 67}, {'b', 5}, {'c', 70}, {'d', 33}}},
      {"k,kn->n", {{'k', 701}, {'n', 803}}},
      {"mk,k->m", {{'m', 803}, {'k', 701}}},
  };
  for (const auto& [text, extents] : large)
    for (int layout = 0; layout < kLayouts; ++layout) {
      expect_product(text, extents, DType::f32, layout, (3 * layout + 1) % kLayouts);
      expect_product(text, extents, DType::f64, (3 * layout + 1) % kLayouts, layout);
    }
  for (const DType dtype : {DType::f32, DType::f64})
    expect_product("mk,kn->mn", {{'m', 150}, {'k', 600}, {'n', 101}}, dtype, 0, 0);
}

TEST_CASE("few results from sums long enough to be cut, and products without a sum") {
  const std::pair<const char*, AxisExtents> products[] = {
      {"i,i->", {{'i', 40003}}},
      {"bi,bi->b", {{'b', 3}, {'i', 20011}}},
      {"ib,ib->b", {{'b', 601}, {'i', 301}}},
      {"ib,ib->b", {{'b', 11}, {'i', 4001}}},
      {"abi,aib->b", {{'a', 5}, {'b', 37}, {'i', 70}}},
      {"iab,abi->a", {{'a', 37}, {'b', 5}, {'i', 70}}},
      {"mk,k->m", {{'m', 37}, {'k', 20011}}},
      {"k,nk->n", {{'n', 37}, {'k', 5003}}},
      {"bi,bj->bij", {{'b', 9}, {'i', 41}, {'j', 103}}},
      {"bi,bj->bji", {{'b', 9}, {'i', 41}, {'j', 103}}},
      {"tkb,kn->tbn", {{'t', 7}, {'k', 70}, {'b', 37}, {'n', 33}}},
      {"kbt,kn->tbn", {{'t', 17}, {'k', 70}, {'b', 37}, {'n', 33}}},
      {"mk,nk->mn", {{'m', 260}, {'k', 130}, {'n', 300}}},
      {"bmk,bkn->bmn", {{'b', 3}, {'m', 130}, {'k', 90}, {'n', 300}}},
  };
  for (const auto& [text, extents] : products)
    for (int layout = 0; layout < kLayouts; ++layout)
      for (const DType dtype : {DType::f32, DType::f64}) {
        const Formula formula(text);
        const Tensor x = operand(shape_of(formula.a, extents), dtype, layout, 0.2);
        const Tensor y = operand(shape_of(formula.b, extents), dtype, (3 * layout + 1) % kLayouts, 1.3);
        INFO(text, " ", std::string(name_of(dtype)), ", layout ", layout);
        // Long sums are held to a share of the sum of absolute terms.
        const Tensor terms = by_definition_of(formula, nabla::abs(x), nabla::abs(y)) + 1e-300;
        const Tensor got = cast(einsum(text, x, y), DType::f64);
        CHECK(distance(got / terms, by_definition_of(formula, x, y) / terms) <=
              (dtype == DType::f32 ? 4e-6 : 1e-12));
      }
}

TEST_CASE("products of f64 are right with every instruction set, from AVX2 on to the same bits") {
  const InstructionSet best = instruction_set();
  const auto check = [&](std::int64_t m, std::int64_t n, std::int64_t k) {
    INFO(m, " x ", k, " by ", k, " x ", n);
    const Tensor a = operand({m, k}, DType::f64, 0, 0.2);
    const Tensor b = operand({k, n}, DType::f64, 0, 1.3);
    const auto product = [&](InstructionSet set) {
      set_instruction_set(set);
      return matmul(a, b).detach();
    };
    const Tensor baseline = product(InstructionSet::baseline);
    const Tensor bound = matmul(abs(a), abs(b)) * 1e-14 + 1e-300;
    const Tensor sums = sum(insert_axes(a, {-1}) * insert_axes(b, {-3}), {-2});  // a sum for each element
    CHECK(distance(baseline / bound, sums / bound) <= 1);
    if (best >= InstructionSet::avx2)
      CHECK(distance(product(InstructionSet::avx2) / bound, sums / bound) <= 1);
    if (best >= InstructionSet::avx512)
      CHECK(values(product(InstructionSet::avx512)) == values(product(InstructionSet::avx2)));
    set_instruction_set(best);
  };
  // At the edges of tiles.
  for (const std::int64_t m : {1, 7, 8, 9, 260})
    for (const std::int64_t n : {1, 11, 12, 16, 33, 530})
      for (const std::int64_t k : {1, 5, 256, 300}) check(m, n, k);
  check(770, 490, 300);  // blocks of rows that share their right operand
}

TEST_CASE("panels of a product keep the instruction set that they were made for") {
  const InstructionSet best = instruction_set();
  constexpr std::int64_t kM = 20, kN = 50, kK = 30;
  const Tensor a = operand({kM, kK}, DType::f64, 0, 0.2).detach();
  const Tensor b = operand({kK, kN}, DType::f64, 0, 1.3).detach();
  const std::vector<double> expected = values(matmul(a, b));
  const cpu::MatmulShape shape{kM, kN, kK, kK, 1, kN, 1, kN};
  const cpu::RightPanels panels(shape);
  std::vector<double> memory(panels.size()), c(kM * kN);
  set_instruction_set(InstructionSet::baseline);
  for (std::int64_t part = 0; part < panels.parts(); ++part)
    panels.pack(part, b.data<double>().data(), memory.data());
  panels.multiply({shape, a.data<double>().data(), memory.data(), c.data()});
  set_instruction_set(best);
  CHECK(c == expected);
}

TEST_CASE("dot products have the same bits with every instruction set") {
  const InstructionSet best = instruction_set();
  const std::pair<const char*, AxisExtents> products[] = {{"i,i->", {{'i', 40003}}},
                                                          {"ib,ib->b", {{'b', 601}, {'i', 301}}},
                                                          {"mk,k->m", {{'m', 37}, {'k', 517}}},
                                                          {"bi,bj->bij", {{'b', 9}, {'i', 41}, {'j', 103}}}};
  for (const auto& [text, extents] : products)
    for (const DType dtype : {DType::f32, DType::f64}) {
      INFO(text, " ", std::string(name_of(dtype)));
      const Formula formula(text);
      const Tensor a = operand(shape_of(formula.a, extents), dtype, 0, 0.2);
      const Tensor b = operand(shape_of(formula.b, extents), dtype, 0, 1.3);
      const auto bits = [&](InstructionSet set) {
        set_instruction_set(set);
        return values(einsum(text, a, b).detach());
      };
      CHECK(bits(InstructionSet::baseline) == bits(best));
    }
  set_instruction_set(best);
}

TEST_CASE("matmul broadcasts leading axes without copying them into the product's rows") {
  for (const auto& [m, k, n] :
       {std::array<std::int64_t, 3>{2, 3, 4}, std::array<std::int64_t, 3>{13, 7, 9}, {60, 90, 50}})
    for (const DType dtype : {DType::f32, DType::f64})
      for (int layout = 0; layout < kLayouts; ++layout) {
        INFO("m ", m, ", ", std::string(name_of(dtype)), ", layout ", layout);
        const auto close = [&](const Tensor& got, const std::string& text, const Tensor& a, const Tensor& b) {
          CHECK(distance(got, by_definition_of(Formula(text), a, b)) <= tolerance(dtype, a, got));
        };
        const Tensor flat_a = operand({m, k}, dtype, layout, 0.2);
        const Tensor flat_b = operand({k, n}, dtype, layout, 0.3);
        const Tensor many_a = operand({3, m, k}, dtype, layout, 0.4);
        const Tensor many_b = operand({4, k, n}, dtype, layout, 0.5);
        close(matmul(flat_a, many_b), "mk,bkn->bmn", flat_a, many_b);
        close(matmul(many_a, flat_b), "bmk,kn->bmn", many_a, flat_b);
        close(matmul(insert_axes(many_a, {-3}), insert_axes(many_b, {-4})), "amk,bkn->abmn", many_a, many_b);
      }
}

TEST_CASE("per-sample gradients of weights, with and without the sum over samples") {
  for (const DType dtype : {DType::f32, DType::f64})
    for (const auto& [samples, in, out] :
         {std::array<std::int64_t, 3>{3, 2, 4}, std::array<std::int64_t, 3>{64, 33, 65}}) {
      INFO("samples ", samples, ", ", std::string(name_of(dtype)));
      const Tensor a = operand({5, samples, in}, dtype, 0, 0.2);
      const Tensor b = operand({samples, out}, dtype, 0, 0.3);
      const Tensor left = insert_axes(a, {-1});
      const Tensor right = insert_axes(b, {-4, -2});
      const Tensor total = contraction(left, right, {1});
      CHECK(total.shape() == Shape{5, 1, in, out});
      CHECK(distance(drop_axes(total, {1}), by_definition_of(Formula("kbd,be->kde"), a, b)) <=
            tolerance(dtype, a, total));
      CHECK(distance(contraction(left, right, {}), by_definition_of(Formula("kbd,be->kbde"), a, b)) <=
            tolerance(dtype, a, total));
    }
}

}  // namespace nabla::test
