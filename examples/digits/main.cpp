#include <cstdio>

#include "engine/engine.h"
#include "examples/digits/measure.h"
#include "examples/digits/train.h"
#include "examples/report/progress.h"
#include "uncertainty/uncertainty.h"
#include <chrono>
#include <cstdlib>
#include <string>
using namespace nabla;
using namespace nabla::digits;
// temporary tuning driver
int main(int argc, char** argv) {
  Options o;
  for (int i = 1; i + 1 < argc; i += 2) {
    std::string a = argv[i];
    double v = atof(argv[i + 1]);
    if (a == "--steps") o.steps = (int64_t)v;
    if (a == "--batch") o.batch = (int64_t)v;
    if (a == "--width") o.width = (int64_t)v;
    if (a == "--layers") o.layers = (int64_t)v;
    if (a == "--lr") o.learning_rate = v;
    if (a == "--wd") o.weight_decay = v;
    if (a == "--ema") o.ema = v;
    if (a == "--seed") o.seed = (uint64_t)v;
    if (a == "--threads") set_thread_count((int)v);
  }
  Tensor keys = split(random_key(o.seed), 8);
  Split sp = stratified_split(read_images(o.data), 297, keys[0]);
  Moments mo = pixel_moments(sp.training);
  Model model(keys[1], mo, o), avg(keys[1], mo, o);
  printf("params %ld\n", (long)model.network().parameter_count());
  auto t0 = std::chrono::steady_clock::now();
  auto sec = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - t0).count(); };
  double acc = 0;
  train(model, avg, sp.training, o, keys[2], [&](int64_t n, double l) {
    acc += l;
    if (n % 500 == 0 || n == 20) { printf("%ld %.4f %.1fs\n", (long)n, acc / (n==20?20:500), sec()); if (n!=20) acc = 0; fflush(stdout); }
  });
  printf("train %.1f s = %.2f ms/step\n", sec(), 1000 * sec() / (double)o.steps);
  Tensor x1 = dequantise(sp.held_out.levels, keys[3]).detach();
  Tensor xt = dequantise(sp.training.levels, keys[4]).detach();
  flow::EmpiricalField oracle(cast(xt, DType::f64));
  int i = 0;
  for (double t : {.05, .1, .2, .3, .5, .7, .9, .95}) {
    double s = sec();
    auto m = measure_posterior(avg.field(), oracle, x1, t, fold_in(keys[5], (uint32_t)i++));
    printf("t %.2f tr %.4f cal %.4f sym %.4f neg %.5f oracle err %.3f cal %.3f  (%.2fs)\n", t, m.trace_mean, m.calibration, m.symmetry_defect, m.negative_mass, m.oracle_relative_error.value_or(0), m.oracle_calibration.value_or(0), sec() - s);
    fflush(stdout);
  }
  double s = sec();
  printf("identity %.3g", identity_error(xt, x1({range(0, 4)}), keys[6]));
  printf(" (%.2fs) peak %.1f MB\n", sec() - s, (double)memory_statistics().peak_bytes / 1e6);
}
