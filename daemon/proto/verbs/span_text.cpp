#include "daemon/proto/verbs/span_text.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace rategate {

std::string span_text(std::int64_t ms) {
  struct Unit {
    std::int64_t ms;
    std::string_view name;
    std::int64_t most;
  };
  static constexpr Unit kUnits[] = {{1, " ms", 10'000},
                                    {1000, " s", 600'000},
                                    {60'000, " min", 36'000'000},
                                    {3'600'000, " h", 259'200'000},
                                    {86'400'000, " d", INT64_MAX}};
  const auto* const unit = std::find_if(std::begin(kUnits), std::end(kUnits) - 1,
                                        [&](const Unit& one) { return ms < one.most; });
  return std::to_string(ms / unit->ms + (ms % unit->ms != 0 ? 1 : 0)).append(unit->name);
}

}  // namespace rategate
