// A configuration file as a tree of values that know where they stand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/config/fault.hpp"

namespace rategate {

struct Place {
  int line = 0;
  int column = 0;
};

struct Entry;
using Table = std::vector<Entry>;
struct Value;
using List = std::vector<Value>;

// A value that no setting takes (a date), by what it is called.
struct OtherValue {
  std::string_view type;
};

struct Value {
  Place place;
  std::variant<OtherValue, bool, std::int64_t, double, std::string, List, Table> data;
};

// A table's entries are in the order of their places.
struct Entry {
  std::string key;
  Place place;  // of the key
  Value value;
};

const Entry* find_entry(const Table&, std::string_view key);
// Of a table in a table, such as host in [redis].
const Entry* find_entry(const Table&, std::string_view section, std::string_view key);

struct Document {
  Table root;
  std::vector<Fault> faults;
};

}  // namespace rategate
