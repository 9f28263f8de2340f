#include "daemon/core/sip_hash.hpp"

#include <set>
#include <string>

#include "tests/unit/catch.hpp"

using namespace rategate;

TEST_CASE("every byte, the length and the seed matter") {
  std::set<std::uint64_t> seen;
  std::size_t count = 0;
  for (std::size_t length = 0; length <= 40; ++length) {
    const std::string zeros(length, '\0');
    seen.insert(sip_hash({1, 2}, zeros));
    seen.insert(sip_hash({1, 3}, zeros));
    seen.insert(sip_hash({2, 2}, zeros));
    count += 3;
    for (std::size_t at = 0; at < length; ++at) {
      std::string other = zeros;
      other[at] = '\1';
      seen.insert(sip_hash({1, 2}, other));
      ++count;
    }
  }
  CHECK(seen.size() == count);
}

TEST_CASE("it is SipHash-1-3") {
  // From CPython 3.11, whose hash of bytes it is; PYTHONHASHSEED=0 is the key of zeros.
  CHECK(sip_hash({}, "a") == 0x407448d2b89b1813U);
  CHECK(sip_hash({}, "abc") == 0xc03bc3a0042630f2U);
  CHECK(sip_hash({}, "12345678") == 0x3489982430560a87U);
  CHECK(sip_hash({}, "the way of a check") == 0x8264f42254e520c9U);
}
