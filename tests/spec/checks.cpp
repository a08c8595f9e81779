#include "tests/spec/checks.h"

namespace nabla::spec {
namespace {

constexpr Check kChecks[] = {
    {"use", &check_use},
    {"value", &check_value},
    {"differences", &check_differences},
    {"complex step", &check_complex_step},
    {"adjoint", &check_adjoint},
    {"active subsets", &check_active_subsets},
    {"leading axes", &check_leading_axes},
    {"vmap", &check_vmap},
    {"compressed axes", &check_compressed},
    {"layouts", &check_layouts},
    {"second order", &check_second_order},
    {"cases", &check_cases},
    {"sharing", &check_sharing},
    {"f32", &check_f32},
    {"definition", &check_definition},
    {"plans", &check_plans},
};

constexpr Check kProgramChecks[] = {
    {"differences", &check_differences},
    {"complex step", &check_complex_step},
    {"adjoint", &check_adjoint},
    {"active subsets", &check_active_subsets},
    {"leading axes", &check_leading_axes},
    {"vmap", &check_vmap},
    {"compressed axes", &check_compressed},
    {"layouts", &check_layouts},
    {"second order", &check_second_order},
    {"plans", &check_plans},
};

}  // namespace

std::span<const Check> all_checks() { return kChecks; }
std::span<const Check> program_checks() { return kProgramChecks; }

Failures run(const Check& check, const Spec& spec) {
  try {
    return check.run(spec);
  } catch (const std::exception& error) {
    return {std::string("threw: ") + error.what()};
  }
}

Random random_for(const Spec& spec, std::uint64_t salt) {
  std::uint64_t hash = 14695981039346656037ULL + salt;
  for (const char c : name_of(spec)) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return Random(hash);
}

}  // namespace nabla::spec
