// The configuration: a text either has faults that say what is wrong, or is a configuration that is
// printed, loaded and printed again as the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/config/loader.hpp"
#include "daemon/config/print.hpp"
#include "tests/fuzz/require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rategate;
  using namespace rategate::fuzz;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const ConfigLoad load = load_config_text(text, "fuzz.toml");
  for (const Fault& fault : load.faults) {
    require(!fault.text.empty(), "a fault says what is wrong");
    require(to_text(fault).find('\n') == std::string::npos, "a fault is one line");
  }
  if (!load) return 0;
  const std::string printed = print_config(load.config);
  const ConfigLoad again = load_config_text(printed, "printed.toml");
  for (const Fault& fault : again.faults) require(false, to_text(fault).c_str());
  require(print_config(again.config) == printed, "a configuration is what it was");
  return 0;
}
