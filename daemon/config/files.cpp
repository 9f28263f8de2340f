#include "daemon/config/files.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/base/nearest.hpp"
#include "daemon/config/checks.hpp"
#include "daemon/config/settings/settings.hpp"
#include "daemon/config/toml.hpp"
#include "daemon/os/files.hpp"

namespace rategate {
namespace {

constexpr std::size_t kMaxFile = std::size_t{4} << 20;

// Faults of one file are told in the order of their places, whatever found them.
void sort_by_place(std::vector<Fault>& faults, std::size_t first) {
  std::stable_sort(faults.begin() + static_cast<std::ptrdiff_t>(first), faults.end(),
                   [](const Fault& a, const Fault& b) {
                     return std::pair(a.line, a.column) < std::pair(b.line, b.column);
                   });
}

void append(std::vector<Fault>& faults, const std::vector<Fault>& more) {
  faults.insert(faults.end(), more.begin(), more.end());
}

// nullopt: it is not there, or cannot be read, which is a fault.
std::optional<std::string> text_of(const std::string& path, bool required, Loading& loading) {
  auto file = read_file(path, kMaxFile);
  if (file && file->exists) return std::move(file->text);
  if (!file || required) {
    loading.fault(path, file ? "there is no such file" : file.error());
    loading.store_unknown = true;
  }
  return std::nullopt;
}

bool is_section(std::string_view name) {
  return !name.empty() && std::any_of(settings().begin(), settings().end(),
                                      [&](const Setting& s) { return s.section == name; });
}

const Setting* find_anywhere(std::string_view name) {
  const auto found = std::find_if(settings().begin(), settings().end(),
                                  [&](const Setting& s) { return s.name == name; });
  return found == settings().end() ? nullptr : &*found;
}

// What might have stood there: the settings of that section, or at the top sections as well.
std::vector<std::string_view> known_names(std::string_view section) {
  std::vector<std::string_view> names;
  if (section.empty()) names = {"limits"};
  for (const Setting& known : settings()) {
    if (known.section == section) {
      names.push_back(known.name);
    } else if (section.empty() && known.section != kLimitSection) {
      names.push_back(known.section);
    }
  }
  return names;
}

void unknown(std::string_view section, const Entry& entry, Loading& loading) {
  const bool table = std::holds_alternative<Table>(entry.value.data);
  std::string text = table && section.empty() ? "unknown section [" : "unknown setting '";
  text += entry.key;
  text += table && section.empty() ? "]" : "'";
  if (!section.empty()) text += " in [" + std::string(section) + "]";
  if (const auto near = nearest(entry.key, known_names(section))) {
    text += "; did you mean '" + std::string(*near) + "'?";
  } else if (const Setting* elsewhere = find_anywhere(entry.key)) {
    text += "; there is " + full_name(*elsewhere);
  }
  loading.fault(loading.file, std::move(text), entry.place);
}

void read_setting(std::string_view section, const Entry& entry, Loading& loading) {
  const Setting* setting = find_setting(section, entry.key);
  if (setting == nullptr) {
    unknown(section, entry, loading);
  } else if (const auto error = assign(*setting, entry.value, loading.config)) {
    loading.fault(loading.file, full_name(*setting) + ": " + error->text, entry.value.place);
  }
}

void read_section(const Entry& section, Loading& loading) {
  const auto* table = std::get_if<Table>(&section.value.data);
  if (table == nullptr) {
    loading.fault(loading.file, section.key + ": expected a table, [" + section.key + "]",
                  section.value.place);
    return;
  }
  for (const Entry& entry : *table) read_setting(section.key, entry, loading);
}

void load_limit_file(const std::string& path, std::string_view text, Loading& loading) {
  const std::size_t first = loading.faults.size();
  const Document document = parse_document(text, path);
  append(loading.faults, document.faults);
  for (const Entry& entry : document.root) {
    if (entry.key == "limits") {
      add_limits(entry.value, path, loading.limits, loading.faults);
    } else {
      loading.fault(path, "'" + entry.key + "': expected nothing but [limits] in limits.d",
                    entry.place);
    }
  }
  sort_by_place(loading.faults, first);
}

}  // namespace

void load_files(const Sources& sources, Loading& loading) {
  if (const auto text = text_of(sources.file, sources.file_required, loading)) {
    load_file_text(*text, sources.file, loading);
  }
  const std::size_t slash = sources.file.rfind('/');
  const std::string directory =
      (slash == std::string::npos ? std::string() : sources.file.substr(0, slash + 1)) + "limits.d";
  const auto files = list_files(directory, ".toml");
  if (!files) return loading.fault(directory, files.error());
  for (const std::string& path : *files) {
    // The folder has it, so that a link that leads nowhere is a fault.
    if (const auto text = text_of(path, true, loading)) load_limit_file(path, *text, loading);
  }
}

void load_file_text(std::string_view text, std::string_view path, Loading& loading) {
  const std::size_t first = loading.faults.size();
  Document document = parse_document(text, path);
  loading.file = path;
  loading.root = std::move(document.root);
  loading.store_unknown = loading.store_unknown || !document.faults.empty();
  append(loading.faults, document.faults);
  for (const Entry& entry : loading.root) {
    if (entry.key == "limits") {
      add_limits(entry.value, path, loading.limits, loading.faults);
    } else if (is_section(entry.key)) {
      read_section(entry, loading);
    } else {
      read_setting("", entry, loading);
    }
  }
  for (const char* chooses : {"store", "redis", "sentinel", "cluster"}) {
    if (find_entry(loading.root, chooses) != nullptr) loading.store_chosen = true;
  }
  check_file(loading);
  sort_by_place(loading.faults, first);
}

}  // namespace rategate
