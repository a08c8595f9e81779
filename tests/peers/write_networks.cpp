// Writes networks with the numbers that other libraries are to find: for each case a directory of two
// safetensors files, "weights" with the state of the network and "numbers" with arguments and results. Only
// the f64 cases have derivatives. check_torch.py and check_jax.py read them.

#include <filesystem>
#include <functional>
#include <iostream>
#include <optional>
#include <string>

#include "engine/engine.h"
#include "io/safetensors.h"
#include "nn/nn.h"

using namespace nabla;

namespace {

constexpr std::int64_t kClasses = 3;

// Random parameters in place of the initial ones, many of which are zero.
void fill(const nn::Module& network) {
  std::uint32_t number = 0;
  for (const nn::Parameter& parameter : network.parameters()) {
    const Tensor key = fold_in(random_key(7), number++);
    parameter.cell->assign(normal(key, parameter.cell->shape(), parameter.cell->dtype()) * 0.2);
  }
}

struct Arguments {
  Tensor x, t, gap, classes;

  nn::State state() const { return {{"x", x}, {"t", t}, {"gap", gap}, {"classes", classes}}; }
};

Arguments arguments_of(const Shape& shape, DType dtype) {
  const std::int64_t samples = shape[0];
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < samples; ++i) labels.push_back(i % (kClasses + 1));  // the last is no class
  return {normal(random_key(1), shape, dtype).detach(), uniform(random_key(2), {samples, 1}, dtype).detach(),
          uniform(random_key(3), {samples, 1}, dtype).detach(), tensor(labels, {samples})};
}

using Field = std::function<Tensor(const Tensor&)>;

nn::State derivatives(const Field& f, const Tensor& x) {
  const auto direction = [&](std::uint64_t key) {
    return normal(random_key(key), x.shape(), x.dtype()).detach();
  };
  const Tensor tangent = direction(11), second_tangent = direction(12);
  const Tensor cotangent = direction(13), second_cotangent = direction(14);
  const Field push = [&](const Tensor& at) { return jvp(f, at, tangent).tangent; };
  const Field pull = [&](const Tensor& at) { return vjp(f, at, cotangent).cotangent; };
  return {{"tangent", tangent},
          {"second_tangent", second_tangent},
          {"cotangent", cotangent},
          {"second_cotangent", second_cotangent},
          {"jvp", push(x)},
          {"vjp", pull(x)},
          {"jvp_of_vjp", jvp(pull, x, second_tangent).tangent},
          {"vjp_of_jvp", vjp(push, x, second_cotangent).cotangent},
          {"jacobian", jacobian(f, x)}};
}

void write(const std::filesystem::path& directory, const nn::Module& network, const Arguments& arguments,
           const Field& f) {
  std::filesystem::create_directories(directory);
  nn::State numbers = arguments.state();
  numbers.push_back({"y", f(arguments.x)});
  if (arguments.x.dtype() == DType::f64)
    for (const NamedTensor& derivative : derivatives(f, arguments.x)) numbers.push_back(derivative);
  io::write_safetensors(
      directory / "weights.safetensors",
      {{{std::string(nn::kWeightLayoutName), std::string(nn::kWeightLayout)}}, nn::state_of(network)});
  io::write_safetensors(directory / "numbers.safetensors", {{}, numbers});
}

template <class Network>
void write_pictures(const std::filesystem::path& directory, const Network& network, const Shape& pictures) {
  fill(network);
  const Arguments a = arguments_of(pictures, network.options().dtype);
  write(directory, network, a, [&](const Tensor& x) { return network(x, a.t, a.gap, a.classes); });
}

void write_all(const std::filesystem::path& out) {
  const nn::Mlp mlp(random_key(0), {.inputs = 5,
                                    .outputs = 5,
                                    .width = 12,
                                    .hidden_layers = 2,
                                    .frequencies = 4,
                                    .embedding = 6,
                                    .second_time = true,
                                    .dtype = DType::f64});
  fill(mlp);
  const Arguments rows = arguments_of({3, 5}, DType::f64);
  write(out / "mlp", mlp, rows, [&](const Tensor& x) { return mlp(x, rows.t, rows.gap); });

  nn::UNetOptions unet{.channels = 2,
                       .height = 8,
                       .width = 4,
                       .base = 4,
                       .multipliers = {1, 2},
                       .groups = 2,
                       .heads = 2,
                       .embedding = 6,
                       .frequencies = 3,
                       .second_time = true,
                       .classes = kClasses,
                       .dtype = DType::f64};
  write_pictures(out / "unet", nn::UNet(random_key(0), unet), {4, 2, 8, 4});
  unet.groups = unet.heads = 0;
  write_pictures(out / "unet_without_norms", nn::UNet(random_key(0), unet), {4, 2, 8, 4});
  nn::DiTOptions dit{.channels = 2,
                     .height = 4,
                     .width = 6,
                     .patch = 2,
                     .hidden = 8,
                     .depth = 2,
                     .heads = 2,
                     .mlp_ratio = 2,
                     .embedding = 6,
                     .frequencies = 3,
                     .second_time = true,
                     .classes = kClasses,
                     .dtype = DType::f64};
  write_pictures(out / "dit", nn::DiT(random_key(0), dit), {4, 2, 4, 6});
  dit.learned_positions = true;
  write_pictures(out / "dit_learned_positions", nn::DiT(random_key(0), dit), {4, 2, 4, 6});

  // The sizes of 28 x 28 pictures.
  write_pictures(out / "unet_28",
                 nn::UNet(random_key(0), {.heads = 4, .second_time = true, .classes = kClasses}),
                 {4, 1, 28, 28});
  write_pictures(out / "dit_28", nn::DiT(random_key(0), {.second_time = true, .classes = kClasses}),
                 {4, 1, 28, 28});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: write_networks DIRECTORY\n";
    return 2;
  }
  try {
    write_all(argv[1]);
  } catch (const Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
