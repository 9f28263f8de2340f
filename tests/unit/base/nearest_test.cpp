#include "daemon/base/nearest.hpp"

#include <array>
#include <string>
#include <vector>

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

// The whole table, without a band: slow and plain.
std::size_t plain_distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] = std::min(
          {d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

TEST_CASE("a distance counts edits, up to a bound") {
  CHECK(edit_distance("socket", "socket", 0) == 0U);
  CHECK(edit_distance("sokcet", "socket", 3) == 1U);
  CHECK(edit_distance("SOCKET", "socket", 0) == 0U);
  CHECK(edit_distance("", "abc", 3) == 3U);
  CHECK_FALSE(edit_distance("", "abc", 2));
  CHECK_FALSE(edit_distance("kitten", "sitting", 2));
  CHECK(edit_distance("kitten", "sitting", 3) == 3U);
  CHECK_FALSE(edit_distance(std::string(65, 'a'), std::string(65, 'a'), 3));
  CHECK(edit_distance(std::string(64, 'a'), std::string(64, 'a'), 3) == 0U);
}

TEST_CASE("the band finds what the whole table finds") {
  // Every pair of words of up to five letters out of two.
  std::vector<std::string> words{""};
  for (std::size_t i = 0; i < words.size() && words[i].size() < 5; ++i) {
    words.push_back(words[i] + 'a');
    words.push_back(words[i] + 'b');
  }
  for (const std::string& a : words) {
    for (const std::string& b : words) {
      const std::size_t plain = plain_distance(a, b);
      for (std::size_t most = 0; most <= 4; ++most) {
        const auto found = edit_distance(a, b, most);
        INFO(a << " " << b << " " << most);
        REQUIRE(found.has_value() == (plain <= most));
        if (found) REQUIRE(*found == plain);
      }
    }
  }
}

TEST_CASE("the nearest is near, and the first of those that are as near") {
  const std::array<std::string_view, 4> names{"host", "port", "post", "connect_timeout"};
  CHECK(nearest("hots", names) == "host");
  CHECK(nearest("prt", names) == "port");
  CHECK(nearest("pst", names) == "post");
  CHECK(nearest("conect_timout", names) == "connect_timeout");
  CHECK(nearest("rost", names) == "host");
  CHECK_FALSE(nearest("zzzz", names));
  CHECK_FALSE(nearest("", names));
  CHECK_FALSE(nearest("x", std::vector<std::string>{}));
}
