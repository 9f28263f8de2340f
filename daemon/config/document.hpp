// A configuration file as a tree of values that know where they stand. It hides the TOML library.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/config/config.hpp"

namespace rategate {

struct Place {
  int line = 0;
  int column = 0;
};

struct Entry;
using Table = std::vector<Entry>;

// A value that no setting takes (an array, a date), by what it is called.
struct OtherValue {
  std::string_view type;
};

struct Value {
  Place place;
  std::variant<OtherValue, bool, std::int64_t, double, std::string, Table> data;
};

// A table's entries are in the order of their places.
struct Entry {
  std::string key;
  Place place;  // of the key
  Value value;
};

const Entry* find_entry(const Table&, std::string_view key);

// Faults: not UTF-8, a NUL byte, not TOML (with TOML's own words), a key given twice (with both
// places). Then the table is empty.
struct Document {
  Table root;
  std::vector<Fault> faults;
};
Document parse_document(std::string_view text, std::string_view path);

}  // namespace rategate
