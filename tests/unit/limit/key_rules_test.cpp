#include "daemon/limit/key_rules.hpp"

#include <string>
#include <vector>

#include "daemon/limit/key_uses.hpp"
#include "daemon/limit/limit_table.hpp"
#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

KeyRule rule(std::string pattern, std::int64_t permits = 1) {
  KeyRule made;
  made.pattern = std::move(pattern);
  made.permits = permits;
  return made;
}

Limit limit_with(std::vector<KeyRule> rules, std::int64_t permits = 100) {
  Limit limit = declared_limit("api", {permits, 1000}, true);
  limit.declared = false;
  limit.key_rules = std::make_shared<const KeyRules>(std::move(rules));
  return limit;
}

}  // namespace

TEST_CASE("a star stands for any bytes, and for none") {
  struct Case {
    std::string_view pattern;
    std::string_view key;
    bool matches;
  };
  const Case cases[] = {
      {"*", "", true},
      {"*", "anything", true},
      {"bot-*", "bot-", true},
      {"bot-*", "bot-1", true},
      {"bot-*", "a bot-1", false},
      {"*-bot", "a-bot", true},
      {"*-bot", "-bot-", false},
      {"a*b", "ab", true},
      {"a*b", "aXb", true},
      {"a*b", "a", false},
      {"aa*aa", "aaa", false},  // what begins it does not end it as well
      {"aa*aa", "aaaa", true},
      {"*a*b*", "ba", false},
      {"*a*b*", "xaxbx", true},
      {"a*bc*d", "abcbcd", true},
      {"a*bc*d", "abd", false},
      {"*.example.*", "www.example.org", true},
      {"a?c*", "abc", false},  // only the star is more than itself
      {"[ab]*", "a", false},
      {"ABC*", "abc", false},
      {"*\n*", "a\nb", true},
      {"plain", "plain", true},
      {"plain", "plainer", false},
  };
  for (const Case& one : cases) {
    INFO(one.pattern << " " << one.key);
    CHECK(matches(one.pattern, one.key) == one.matches);
  }
}

TEST_CASE("what names the key comes first, then the patterns in their order") {
  const KeyRules rules({rule("a*"), rule("*z"), rule("az"), rule("a*", 2), rule("*")});
  CHECK(rules.find("az") == 2);
  CHECK(rules.find("ay") == 0);
  CHECK(rules.find("yz") == 1);
  CHECK(rules.find("x") == 4);
  CHECK_FALSE(KeyRules({rule("a*"), rule("b")}).find("x"));
}

TEST_CASE("rules for keys are a part of what a limit is") {
  const Limit limit = limit_with({rule("a", 7)});
  CHECK(same_limit(limit, limit_with({rule("a", 7)})));
  CHECK_FALSE(same_limit(limit, limit_with({rule("a", 8)})));
  CHECK_FALSE(same_limit(limit, limit_with({rule("a*", 7)})));
  Limit without = limit;
  without.key_rules = nullptr;
  CHECK_FALSE(same_limit(limit, without));
  Limit shadow = limit;
  shadow.shadow = true;
  CHECK_FALSE(same_limit(limit, shadow));
}

TEST_CASE("a reload of rules alone is another limit in use, with another rule's id") {
  LimitTable table(1);
  table.configure({limit_with({rule("a", 7)})}, 0);
  const LimitUsePtr before = table.configured("api");
  const LimitUsePtr made = before->by_key->find("a", 0);
  table.configure({limit_with({rule("a", 7)})}, 0);
  CHECK(table.configured("api") == before);
  CHECK(table.configure({limit_with({rule("a", 8)})}, 0).dropped);
  const LimitUsePtr now = table.configured("api");
  CHECK(now->rule != before->rule);
  CHECK((before->dropped && made->dropped && !now->dropped));
  CHECK(before->by_key->find("a", 0)->dropped);
  CHECK(now->by_key->find("a", 0)->limit->permits == 8);
}

TEST_CASE("of a limit a rule changes the numbers alone, and all goes by its numbers") {
  Limit limit = limit_with({rule("big", 1000), rule("small*", 3), rule("none")});
  limit.on_store_down = OnStoreDown::Share;
  LimitTable table(1);
  table.configure({limit}, 0);
  const LimitUsePtr use = table.configured("api");
  CHECK(use->is_shared());
  const LimitUsePtr big = use->by_key->find("big", 0);
  CHECK(big == use->by_key->find("big", 0));
  CHECK((big->limit->permits == 1000 && big->most_cost == 1000 && big->leased));
  CHECK(big->limit->key_rule == "big");
  CHECK(big->limit->on_store_down == OnStoreDown::Share);
  // In shared memory the limit's id, and a number of its own.
  CHECK((big->rule == use->rule && big->is_shared()));
  CHECK(big->names.of("big", 1'000'000) == use->names.of("big", 1'000'000));
  const LimitUsePtr small = use->by_key->find("smaller", 0);
  CHECK((small->limit->permits == 3 && !small->leased));
  CHECK(small->near_left == 0);
  CHECK(use->by_key->find("other", 0) == nullptr);
  CHECK(use->by_key->find("", 0) == nullptr);
}

TEST_CASE("a bucket's rule may have a burst of its own") {
  KeyRule burst = rule("b", 50);
  burst.burst = 500;
  Limit limit = limit_with({rule("a", 1000), burst});
  limit.algorithm = &kTokenBucket;
  limit.burst = 200;
  CHECK(burst_of(limit_for_keys(limit, limit.key_rules->all()[0])) == 200);
  CHECK(burst_of(limit_for_keys(limit, limit.key_rules->all()[1])) == 500);

  // Clients know no burst but what there is in a period.
  LimitTable table(1);
  table.configure({limit}, 0);
  CHECK_FALSE(table.configured("api")->by_key->find("a", 0)->is_shared());
  limit.name = "plain";
  limit.burst.reset();
  table.configure({limit}, 0);
  CHECK(table.configured("plain")->by_key->find("a", 0)->is_shared());
  CHECK_FALSE(table.configured("plain")->by_key->find("b", 0)->is_shared());
}

TEST_CASE("a limit may have bans in shared memory where a rule blocks some of its keys") {
  KeyRule blocked = rule("bad*");
  blocked.kind = KeyRuleKind::Blocked;
  Limit limit = limit_with({rule("a", 3), blocked});
  limit.permits = 2;  // it is exact
  LimitTable table(1);
  table.configure({limit}, 0);
  const LimitUsePtr use = table.configured("api");
  CHECK((!use->is_shared() && may_ban(*use)));
  const LimitUsePtr bad = use->by_key->find("bad1", 0);
  CHECK((!bad->is_shared() && may_ban(*bad) && bad->rule == use->rule));
  CHECK_FALSE(may_ban(*use->by_key->find("a", 0)));
}

TEST_CASE("what rules make of a limit that is spread is spread as it is") {
  Limit limit = limit_with({rule("a", 10)});
  limit.spread = 3;
  LimitTable table(1, 1);
  table.configure({limit}, 0);
  const LimitUsePtr use = table.configured("api");
  std::int64_t permits = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const LimitUsePtr sub = use->subs[i]->by_key->find("a", i);
    permits += sub->limit->permits;
    CHECK(sub->tally == use->subs[i]->tally);
    CHECK(sub->names.of("a", 0) == use->subs[i]->names.of("a", 0));
    CHECK(sub->shown->permits == 10);
  }
  CHECK(permits == 10);
}
