#include "daemon/limit/receipt.hpp"

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {
constexpr std::int64_t kLastEndMs = (std::int64_t{1} << 42) - 1;  // of any window
}  // namespace

TEST_CASE("of a limit that is not spread a receipt is its moment") {
  CHECK(Receipt{1'700'000'001'000}.number(false) == 1'700'000'001'000);
  const Receipt receipt = Receipt::of(1'700'000'001'000, false);
  CHECK(receipt.until_ms == 1'700'000'001'000);
  CHECK(receipt.sub == 0);
}

TEST_CASE("of one that is spread it names the counter, too") {
  for (const std::int64_t until_ms :
       {std::int64_t{0}, std::int64_t{1'700'000'001'000}, kLastEndMs}) {
    for (std::size_t sub = 0; sub < static_cast<std::size_t>(kMostSpread); ++sub) {
      const std::int64_t number = Receipt{until_ms, sub}.number(true);
      const Receipt read = Receipt::of(number, true);
      CHECK(read.until_ms == until_ms);
      CHECK(read.sub == sub);
      // A program may keep it in a double.
      CHECK(number < std::int64_t{1} << 53);
    }
  }
}

TEST_CASE("any number is one") {
  const std::int64_t most = (std::int64_t{1} << 53) - 1;
  CHECK(Receipt::of(most, false).until_ms == most);
  CHECK(Receipt::of(most, true).sub == 15);
  CHECK(Receipt::of(0, true).until_ms == 0);
  // It is a moment in microseconds as well.
  CHECK(Receipt::of(most, false).until_ms <= INT64_MAX / 1000);
}
