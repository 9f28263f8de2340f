// A configuration on its way: what those of its sources that have been read said, one after the
// other. Each source adds its settings, its limits and its faults.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/config/config.hpp"
#include "daemon/config/document.hpp"
#include "daemon/config/fault.hpp"
#include "daemon/config/limits.hpp"

namespace rategate {

struct Loading {
  Config config;  // without its limits, which are in `limits` until all are known
  std::vector<Fault> faults;
  PlacedLimits limits;
  std::string file =
      "configuration";  // the file that was read; faults of the whole are put down to it
  Table root;           // what stands in it, and where
  bool store_chosen = false;
  bool store_unknown = false;  // what might have chosen it could not be read

  void fault(std::string_view where, std::string text, Place place = {}) {
    faults.push_back({std::string(where), place.line, place.column, std::move(text)});
  }
};

}  // namespace rategate
