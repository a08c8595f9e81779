#include "engine/backend/cpu/product/channel_blocks.h"

#include <doctest/doctest.h>

#include <vector>

#include "engine/backend/instruction_set.h"

namespace nabla::test {

TEST_CASE("channels go into blocks and come back, for every number of places and instruction set") {
  const InstructionSet widest = instruction_set();
  for (const InstructionSet set : {InstructionSet::baseline, InstructionSet::avx2, InstructionSet::avx512}) {
    if (set > widest) continue;
    set_instruction_set(set);
    for (const std::int64_t channels : {1, 15, 16, 17, 48})
      for (const std::int64_t places : {1, 15, 16, 17, 32, 49}) {
        INFO(channels, " channels, ", places, " places");
        constexpr std::int64_t kSamples = 2;
        const cpu::ChannelBlocks layout{kSamples, channels, places};
        const std::int64_t blocks = (channels + 15) / 16;
        std::vector<float> plain(static_cast<std::size_t>(kSamples * channels * places));
        for (std::size_t i = 0; i < plain.size(); ++i) plain[i] = static_cast<float>(i + 1);
        std::vector<float> blocked(static_cast<std::size_t>(kSamples * blocks * places * 16), -1);
        layout.to_blocks(plain.data(), blocked.data());
        std::size_t at = 0, wrong = 0;
        for (std::int64_t sample = 0; sample < kSamples; ++sample)
          for (std::int64_t block = 0; block < blocks; ++block)
            for (std::int64_t place = 0; place < places; ++place)
              for (std::int64_t c = 16 * block; c < 16 * block + 16; ++c, ++at) {
                const std::int64_t from = (sample * channels + c) * places + place;
                const float expected = c < channels ? plain[static_cast<std::size_t>(from)] : 0;
                wrong += blocked[at] != expected;
              }
        CHECK(wrong == 0);
        std::vector<float> back(plain.size(), -1);
        layout.from_blocks(blocked.data(), back.data());
        CHECK(back == plain);
      }
  }
  set_instruction_set(widest);
}

}  // namespace nabla::test
