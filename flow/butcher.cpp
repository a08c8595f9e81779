#include "flow/butcher.h"

#include <string>

#include "engine/tensor/error.h"

namespace nabla::flow {
namespace {

constexpr ButcherTable kEuler{.name = "euler", .order = 1, .stages = 1, .c = {0}, .a = {}, .b = {1}};

constexpr ButcherTable kMidpoint{
    .name = "midpoint", .order = 2, .stages = 2, .c = {0, 1. / 2}, .a = {{{}, {1. / 2}}}, .b = {0, 1}};

constexpr ButcherTable kHeun{
    .name = "heun", .order = 2, .stages = 2, .c = {0, 1}, .a = {{{}, {1}}}, .b = {1. / 2, 1. / 2}};

constexpr ButcherTable kRk4{.name = "rk4",
                            .order = 4,
                            .stages = 4,
                            .c = {0, 1. / 2, 1. / 2, 1},
                            .a = {{{}, {1. / 2}, {0, 1. / 2}, {0, 0, 1}}},
                            .b = {1. / 6, 1. / 3, 1. / 3, 1. / 6}};

constexpr ButcherTable kBogackiShampine{.name = "bogacki_shampine",
                                        .order = 3,
                                        .stages = 4,
                                        .c = {0, 1. / 2, 3. / 4, 1},
                                        .a = {{{}, {1. / 2}, {0, 3. / 4}, {2. / 9, 1. / 3, 4. / 9}}},
                                        .b = {2. / 9, 1. / 3, 4. / 9},
                                        .error = {{-5. / 72, 1. / 12, 1. / 9, -1. / 8}},
                                        .first_same_as_last = true};

// Table II.5.2 of Hairer, Norsett and Wanner; the dense weights are Shampine's (their II.6).
constexpr ButcherTable kDormandPrince{
    .name = "dormand_prince",
    .order = 5,
    .stages = 7,
    .c = {0, 1. / 5, 3. / 10, 4. / 5, 8. / 9, 1, 1},
    .a = {{{},
           {1. / 5},
           {3. / 40, 9. / 40},
           {44. / 45, -56. / 15, 32. / 9},
           {19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
           {9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
           {35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84}}},
    .b = {35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84},
    .error = {{71. / 57600, 0, -71. / 16695, 71. / 1920, -17253. / 339200, 22. / 525, -1. / 40}},
    .dense = {{-12715105075. / 11282082432, 0, 87487479700. / 32700410799, -10690763975. / 1880347072,
               701980252875. / 199316789632, -1453857185. / 822651844, 69997945. / 29380423}},
    .first_same_as_last = true};

// Tsitouras' table 1, a solution of the order conditions that has no simple fractions. His interpolant has
// the slopes of both ends; the dense weights are the coefficients of its fourth powers.
constexpr ButcherTable kTsitouras{
    .name = "tsitouras",
    .order = 5,
    .stages = 7,
    .c = {0, 0.161, 0.327, 0.9, 0.9800255409045096857, 1, 1},
    .a = {{{},
           {0.161},
           {-0.0084806554923569885444, 0.33548065549235698854},
           {2.8971530571054934321, -6.3594484899750748431, 4.362295432869581411},
           {5.3258648284392566044, -11.748883564062827878, 7.4955393428898362083, -0.092495066361755249257},
           {5.8614554429464200287, -12.920969317847109292, 8.1593678985761586432, -0.071584973281400997225,
            -0.028269050394068382909},
           {0.096460766818065229518, 0.01, 0.47988965041449957478, 1.3790085741037418932,
            -3.2900695154360806799, 2.3247105240997739824}}},
    .b = {0.096460766818065229518, 0.01, 0.47988965041449957478, 1.3790085741037418932,
          -3.2900695154360806799, 2.3247105240997739824},
    .error = {{0.0017800110522257714434, 0.00081643445965674690324, -0.0078808780102619960103,
               0.14471100717326290754, -0.58235716545255522502, 0.45808210592918694666, -1. / 66}},
    .dense = {{-1.0530884977290215572, 0.1017, 2.4906272856512527931, -16.548102889244902719,
               47.379521962819281222, -34.870657861496609738, 2.5}},
    .first_same_as_last = true};

}  // namespace

const ButcherTable& butcher_table(Solver solver) {
  switch (solver) {
    case Solver::euler:
      return kEuler;
    case Solver::midpoint:
      return kMidpoint;
    case Solver::heun:
      return kHeun;
    case Solver::rk4:
      return kRk4;
    case Solver::bogacki_shampine:
      return kBogackiShampine;
    case Solver::dormand_prince:
      return kDormandPrince;
    case Solver::tsitouras:
      return kTsitouras;
  }
  throw Error("butcher_table: there is no solver " + std::to_string(static_cast<int>(solver)));
}

std::string_view name_of(Solver solver) { return butcher_table(solver).name; }
int order_of(Solver solver) { return butcher_table(solver).order; }
int evaluations_per_step(Solver solver) {
  const ButcherTable& table = butcher_table(solver);
  return table.first_same_as_last ? table.stages - 1 : table.stages;
}

}  // namespace nabla::flow
