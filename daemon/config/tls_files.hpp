// The files that the settings of TLS name, and what is wrong with them.
#pragma once

#include <string>
#include <string_view>

#include "daemon/config/config.hpp"
#include "daemon/config/loading.hpp"
#include "daemon/tls/tls_context.hpp"

namespace rategate {

TlsFiles tls_files(const TlsConfig&);

// With the setting that the fault is about: "tls_ca in [redis]: PATH does not exist".
std::string tls_fault_text(std::string_view section, const TlsFault&);

// Reads the files where TLS is spoken, and adds a fault where one of them cannot be used.
void check_tls_files(Loading&);

}  // namespace rategate
