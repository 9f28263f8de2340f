// Slots of keys: by the vectors of Redis Cluster's specification.
#include "daemon/base/hash_slot.hpp"

#include <string>

#include "tests/unit/catch.hpp"

using namespace rategate;

TEST_CASE("a key's slot is that of the specification") {
  CHECK(slot_of_key("123456789") == 0x31c3);
  CHECK(slot_of_key("foo") == 12182);
  CHECK(slot_of_key("bar") == 5061);
  CHECK(slot_of_key("") == 0);
  CHECK(slot_of_key(std::string(1000, 'x')) < kHashSlots);
}

TEST_CASE("what stands between the first braces decides, unless there is nothing") {
  CHECK(slot_of_key("{user1000}.following") == slot_of_key("user1000"));
  CHECK(slot_of_key("foo{{bar}}zap") == slot_of_key("{bar"));
  CHECK(slot_of_key("foo{bar}{zap}") == slot_of_key("bar"));
  CHECK(slot_of_key("foo{}{bar}") != slot_of_key("bar"));
  CHECK(slot_of_key("foo{bar") != slot_of_key("bar"));
  CHECK(slot_of_key("foo}bar{") != slot_of_key("bar"));
}

TEST_CASE("there is a tag for each slot") {
  for (const unsigned number : {0U, 1U, 4096U, 8192U, 12288U, 16383U}) {
    const auto slot = static_cast<std::uint16_t>(number);
    const std::string tag = tag_of_slot(slot);
    CHECK(slot_of_key("rategate:{" + tag + "}:reign") == slot);
    CHECK(tag.find_first_not_of("0123456789") == std::string::npos);
  }
}
