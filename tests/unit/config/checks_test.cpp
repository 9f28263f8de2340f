// The rules between settings, as a table: faults_test.cpp has the words of what breaks them.
#include "daemon/config/checks.hpp"

#include <set>

#include "daemon/config/loader.hpp"
#include "daemon/config/settings/settings.hpp"
#include "tests/unit/catch.hpp"

using namespace rategate;

TEST_CASE("a rule is about settings that there are, of the kinds that it compares") {
  for (const Rule& rule : rules()) {
    INFO(rule.section << "." << rule.name << " and " << rule.other);
    const auto section = rule.of.empty() ? rule.section : rule.of;
    const Setting* other = find_setting(rule.need == Need::Where ? "" : section, rule.other);
    REQUIRE(other != nullptr);
    if (rule.need == Need::Leads) continue;
    if (rule.need == Need::Where) {
      Config config;
      CHECK_FALSE(assign_text(*other, rule.word, config));
      CHECK(holds(rule, config));
      continue;
    }
    const Setting* setting = find_setting(rule.section, rule.name);
    REQUIRE(setting != nullptr);
    if (rule.need == Need::AtMost) {
      CHECK(setting->kind == Kind::Duration);
      CHECK(other->kind == Kind::Duration);
    }
    if (rule.need == Need::HostAlone || rule.need == Need::SwitchedBy) {
      CHECK(other->kind == Kind::Switch);
    }
    if (rule.need == Need::Without) CHECK(setting->kind == Kind::Switch);
  }
}

TEST_CASE("the defaults keep every rule") {
  for (const Rule& rule : rules()) CHECK(holds(rule, Config{}));
}

TEST_CASE("every rule can be broken, which is a fault") {
  std::set<const Rule*> broken;
  for (const char* text :
       {"store = \"memory\"\n[redis]\n",
        "store = \"memory\"\n[server]\ntcp = \"0.0.0.0:1\"\n",
        "[redis]\nunix_socket = \"/a\"\nhost = \"a\"\nport = 1\n",
        "[redis]\npassword = \"a\"\npassword_file = \"/dev/null\"\npassword_command = [\"/a\"]\n",
        "[redis]\nbackoff_min = \"3s\"\n",
        "[redis]\nusername = \"a\"\n",
        "[redis]\nunix_socket = \"/a\"\ntls = true\n",
        "store = \"memory\"\n[sentinel]\naddresses = [\"a:1\"]\n",
        "[redis]\nreplicas = [\"a:1\"]\n[sentinel]\naddresses = [\"a:1\"]\nmaster = \"m\"\n",
        "[redis]\nhost = \"a\"\nport = 1\n[sentinel]\naddresses = [\"a:1\"]\nmaster = \"m\"\n",
        "[redis]\nunix_socket = \"/a\"\n[sentinel]\naddresses = [\"a:1\"]\nmaster = \"m\"\n",
        "[sentinel]\nmaster = \"m\"\n",
        "[sentinel]\naddresses = [\"a:1\"]\nusername = \"a\"\n",
        "[sentinel]\npassword = \"a\"\npassword_file = \"/dev/null\"\n",
        "[sentinel]\ntls_ca = \"/a\"\ntls_cert = \"/a\"\ntls_name = \"a\"\n",
        "[sentinel]\ntls_key = \"/a\"\ntls_ca = \"/a\"\ntls_insecure_no_verify = true\n",
        "store = \"memory\"\n[cluster]\naddresses = [\"a:1\"]\n",
        "[redis]\nhost = \"a\"\nport = 1\n[cluster]\naddresses = [\"a:1\"]\n",
        "[redis]\nunix_socket = \"/a\"\ndb = 1\nreplicas = [\"a:1\"]\n[cluster]\naddresses = "
        "[\"a:1\"]\n",
        "[sentinel]\naddresses = [\"a:1\"]\nmaster = \"m\"\n[cluster]\naddresses = [\"a:1\"]\n",
        "[redis]\ntls_ca = \"/a\"\ntls_cert = \"/a\"\ntls_name = \"a\"\n",
        "[redis]\ntls_key = \"/a\"\ntls_ca = \"/a\"\ntls_insecure_no_verify = true\n"}) {
    INFO(text);
    const ConfigLoad load = load_config_text(text, "f");
    CHECK_FALSE(load);
    for (const Rule& rule : rules()) {
      if (!holds(rule, load.config)) broken.insert(&rule);
    }
  }
  CHECK(broken.size() == rules().size());
}
