#include "daemon/proto/errors.hpp"

#include <utility>

#include "daemon/limit/limit.hpp"
#include "daemon/proto/session.hpp"

namespace rategate {
namespace {

// The numbers that stand in the patterns below.
static_assert(kMaxPermits == 1'000'000'000 && kMaxKeyBytes == 512 && kMaxNameBytes == 64);
static_assert(kMinPeriodMs == 10 && kMaxPeriodMs == 31LL * 24 * 3600 * 1000);
static_assert(kMaxClientNameBytes == 128);

using enum ErrorId;

// Texts that Redis has as well are Redis 7's, byte for byte: clients look at them.
constexpr ErrorRow kErrors[] = {
    {InvalidMultibulkLength, "ERR", "Protocol error: invalid multibulk length",
     "After `*` stands no whole number, or one above 2147483647."},
    {InvalidBulkLength, "ERR", "Protocol error: invalid bulk length",
     "After `$` stands no whole number from 0 to 536870912."},
    {ExpectedDollar, "ERR", "Protocol error: expected '$', got '{byte}'",
     "An argument of a multibulk does not start with `$`."},
    {ExpectedCrlf, "ERR", "Protocol error: expected CRLF after an argument",
     "An argument's bytes do not end where its length says."},
    {MbulkCountTooBig, "ERR", "Protocol error: too big mbulk count string",
     "The line that starts with `*` does not end."},
    {BulkCountTooBig, "ERR", "Protocol error: too big bulk count string",
     "The line that starts with `$` does not end."},
    {InlineTooBig, "ERR", "Protocol error: too big inline request",
     "An inline request is longer than 64 KiB or than `max_request`."},
    {UnbalancedQuotes, "ERR", "Protocol error: unbalanced quotes in request",
     "A quote of an inline request is not closed, or no space follows the closing one."},
    {RequestTooBig, "ERR", "Protocol error: request of more than {bytes} bytes (max_request)",
     "The request's counts and lengths make it longer than the daemon takes."},
    {OtherProtocol, "ERR", "Protocol error: this is {protocol}, not the Redis protocol",
     "An inline request starts with a method or a header field of HTTP, or with the first byte of "
     "TLS."},
    {UnknownCommand, "ERR", "unknown command '{command}', with args beginning with: {arguments}",
     "There is no such verb."},
    {UnknownSubcommand, "ERR", "unknown subcommand '{subcommand}'. Try {command} HELP.",
     "`CLIENT` or `COMMAND` has no such subcommand."},
    {WrongArity, "ERR", "wrong number of arguments for '{command}' command",
     "The verb takes fewer or more words."},
    {CheckSyntax, "ERR", "syntax error at '{word}': expected {command} {arguments}",
     "Where an option of `CHECK`, or of a verb like it, is expected stands something else."},
    {OptionTwice, "ERR", "{option} is given twice", "An option stands there twice."},
    {OptionMissing, "ERR", "{option} is missing: expected {command} {arguments}",
     "`REFUND` and `SETTLE` have to say how many permits, and by which receipt; `ACQUIRE` for how "
     "long it may wait."},
    {NoTriples, "ERR",
     "CHECKALL takes a limit, a key and a cost for each of its checks, not {count} words: "
     "CHECKALL {arguments}",
     "The words of `CHECKALL` are no triples. A limit without a key has an empty one."},
    {LimitWithoutPeriod, "ERR", "LIMIT and PERIOD go together: one of them is missing",
     "A limit is declared by half."},
    {InvalidLimitName, "ERR",
     "invalid limit name '{name}': expected 1 to 64 letters, digits or any of _-./@",
     "No limit can have this name."},
    {KeyTooLong, "ERR", "key of {bytes} bytes: expected at most 512", "The key is too long."},
    {InvalidCost, "ERR", "invalid cost '{cost}': expected a whole number from 1 to 1000000000",
     "What follows `COST` is no such number."},
    {InvalidAmount, "ERR",
     "invalid number of permits '{word}': expected a whole number from 0 to 1000000000",
     "What follows `TOOK` or `USED` is no such number."},
    {InvalidReceipt, "ERR", "invalid receipt '{word}': expected the number that CHECKX told",
     "What follows `AT` is no receipt."},
    {InvalidTimeout, "ERR",
     "invalid time-out '{word}': expected a whole number of milliseconds from 0 to 86400000",
     "What follows `TIMEOUT` is no such number."},
    {InvalidFor, "ERR",
     "invalid time '{word}': expected a whole number of milliseconds from 100 to 86400000",
     "What follows `FOR` is no such number."},
    {InvalidTicket, "ERR", "invalid ticket '{word}': expected the number that ENTER told",
     "What follows `LEAVE` or `STAY` is no ticket."},
    {InvalidPermits, "ERR", "invalid limit '{limit}': expected a whole number from 1 to 1000000000",
     "What follows `LIMIT` is no such number."},
    {InvalidPeriod, "ERR",
     "invalid period '{period}': expected a duration from 10ms to 31d, such as 250ms, 1s or 5min",
     "What follows `PERIOD` is no such duration."},
    {NoLimit, "NOLIMIT", "no limit named '{name}'",
     "The limit is not configured, and the call does not declare it."},
    {NoLimitNear, "NOLIMIT", "no limit named '{name}'; did you mean '{near}'?",
     "The same, where a configured name is similar."},
    {NoLimitOff, "NOLIMIT", "no limit named '{name}' (declared_limits is off)",
     "The call declares the limit, but the daemon takes configured ones only."},
    {NoLimitNearOff, "NOLIMIT",
     "no limit named '{name}' (declared_limits is off); did you mean '{near}'?",
     "The same, where a configured name is similar."},
    {KeyNoAddress, "ERR",
     "'{key}' is no IP address, which limit '{limit}' is counted by: expected 192.0.2.1 or "
     "2001:db8::1 alone, without port, brackets, prefix or zone",
     "The limit has `key = \"ip\"`, and the key is something else, or there is none. Nothing was "
     "charged."},
    {StoreDown, "STOREDOWN", "the store is away, and limit '{limit}' answers with an error",
     "The limit's `on_store_down` is `error`. Nothing was granted."},
    {SettleOff, "ERR", "limit '{limit}' takes no permits back: its settle is off",
     "`REFUND` or `SETTLE` of a limit with `settle = \"off\"`."},
    {TooManyParked, "BUSY", "too many wait for limit '{limit}' (max_parked, max_parked_per_key)",
     "`ACQUIRE` where as many wait already as may. Nothing was charged."},
    {NotCleared, "STOREDOWN", "limit '{limit}' was not cleared: {why}",
     "The store has not done it, or has not answered in time, whatever the limit's `on_store_down` "
     "is."},
    {NotReloaded, "ERR",
     "the configuration is not loaded, the one before it is in force; faults: {count}, the first: "
     "{fault}",
     "`RELOAD` of a configuration with faults: the first of them, and how many there are. "
     "`rategated --check-config` tells all, as does the log."},
    {TooManyMembers, "ERR",
     "{count} limits in one check: expected 8 at most, windows and parents included",
     "`CHECKALL` of limits that have more windows and parents than that. Nothing was charged."},
    {CheckOfConcurrency, "ERR",
     "limit '{limit}' is one of concurrency: it is entered by ENTER, and left by LEAVE",
     "A verb of checks other than `PEEK` and `EXPLAIN`, and a limit with `algorithm = "
     "\"concurrency\"`. Nothing was charged."},
    {EnterOfRate, "ERR",
     "limit '{limit}' is no limit of concurrency: expected algorithm = \"concurrency\"",
     "`ENTER` of a limit that counts permits of a period."},
    {TooManyEntered, "BUSY", "too many have entered, or wait for limit '{limit}'",
     "`ENTER` where as many have entered on this host as may, or wait as may (`max_parked`, "
     "`max_parked_per_key`). Nothing was entered."},
    {StayOfConnection, "ERR",
     "this ticket lasts as long as its connection: expected ENTER with FOR",
     "`STAY` of what was entered without `FOR`."},
    {CellUsage, "Cell",
     "error: Store error: Usage: cl.throttle <key> <max_burst> <count per period> <period> "
     "[<quantity>]",
     "`CL.THROTTLE` takes four words or five."},
    {CellNotInteger, "Cell", "error: Store error: Couldn't parse as integer: {word}",
     "What stands where a number is expected is none."},
    {CellOutOfRange, "Cell",
     "error: Store error: {name} {word} is out of range: expected a whole number from {least} to "
     "{most}",
     "redis-cell takes negative numbers."},
    {CellZeroRate, "Cell", "error: Store error: Zero rates are not supported",
     "`count` or `period` is 0."},
    {CellTooSlow, "Cell", "error: Store error: {what}",
     "The bucket would take more than 3257 days to fill."},
    {NoShm, "NOSHM", "shared memory is off",
     "`[shm] enabled` is false, or the daemon could not make the segment."},
    {ShmBusy, "NOSHM", "too many answers to ATTACH are not read",
     "Clients have not taken in the descriptors that were sent to them: 8 of one process, or 64 of "
     "all. `ATTACH` may be asked again."},
    {ShmDenied, "DENIED", "shared memory is not for this user (shm_users, shm_groups)",
     "`ATTACH` by a peer that may use the socket only."},
    {NotTrusted, "DENIED", "{command} is not for this user (shm_users, shm_groups)",
     "A verb that gives permits back, by a peer that may use the socket only, or over TCP."},
    {NotAdmin, "DENIED", "{command} is not for this user (admin_users, admin_groups)",
     "A verb that gives permits out on all hosts, by a peer that may not, or over TCP."},
    {AttachAlone, "ERR", "ATTACH must be asked alone: answers before it are not sent yet",
     "`ATTACH` was pipelined behind other requests."},
    {SyntaxError, "ERR", "syntax error", "An argument is not one of those that the verb knows."},
    {NoSuchProtocol, "NOPROTO", "unsupported protocol version",
     "`HELLO` knows RESP versions 2 and 3."},
    {ProtocolNotNumber, "ERR", "Protocol version is not an integer or out of range",
     "The first argument of `HELLO` is a version."},
    {HelloOption, "ERR", "Syntax error in HELLO option '{option}'",
     "`HELLO` knows `AUTH` and `SETNAME`, with all their arguments."},
    {WrongPassword, "WRONGPASS", "invalid username-password pair or user is disabled.",
     "`HELLO` with `AUTH`: the only user is `default`, and any password does."},
    {NoPassword, "ERR",
     "AUTH called, but no password is set: access is by the permissions of the socket",
     "There is nothing to log in to."},
    {DbNotNumber, "ERR", "value is not an integer or out of range",
     "The argument of `SELECT` is a number."},
    {DbOutOfRange, "ERR", "DB index is out of range", "There is database 0 only."},
    {BadClientName, "ERR", "Client names cannot contain spaces, newlines or special characters.",
     "A connection's name is of printable ASCII characters without the space."},
    {BadLibInfo, "ERR", "{option} cannot contain spaces, newlines or special characters.",
     "The same, of a library's name or version."},
    {NameTooLong, "ERR", "{option} is longer than 128 bytes",
     "The name of a connection, or a library's name or version, is too long to be kept."},
    {ClientOption, "ERR", "Unrecognized option '{option}'",
     "`CLIENT SETINFO` knows `LIB-NAME` and `LIB-VER`."},
    {OutputFull, "BUSY", "output buffers are full: answers are not read, try again later",
     "Large answers are refused while unread answers fill the memory there is for them."},
    {MaxClients, "ERR", "max number of clients reached",
     "Answered to a new connection above `max_clients`, which is then closed."},
    {ShuttingDown, "SHUTDOWN", "the daemon is stopping",
     "The check waited for the store when the daemon was stopped. Nothing was granted."},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < std::size(kErrors); ++i) {
    if (static_cast<std::size_t>(kErrors[i].id) != i) return false;
  }
  return true;
}
static_assert(std::size(kErrors) == static_cast<std::size_t>(ErrorId::Count_) && in_order());

// The pattern with `next()` in the place of each {name}.
template <class Next>
ErrorText fill(ErrorId id, Next next) {
  const ErrorRow& row = kErrors[static_cast<std::size_t>(id)];
  ErrorText text;
  text.append(row.code).append(" ");
  std::string_view rest = row.pattern;
  while (true) {
    const std::size_t open = rest.find('{');
    text.append(rest.substr(0, open));
    if (open == std::string_view::npos) return text;
    text.append(next());
    rest.remove_prefix(rest.find('}', open) + 1);
  }
}

}  // namespace

std::span<const ErrorRow> error_table() { return kErrors; }

std::string shown(std::string_view bytes, std::size_t max_bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    std::string one(1, c);
    if (c == '\n') {
      one = "\\n";
    } else if (c == '\r') {
      one = "\\r";
    } else if (c == '\t') {
      one = "\\t";
    } else if (byte < 0x20 || byte > 0x7e) {
      one = {'\\', 'x', kHex[byte >> 4U], kHex[byte & 0xfU]};
    }
    if (text.size() + one.size() > max_bytes) break;
    text += one;
  }
  return text;
}

ErrorText error_text(ErrorId id, std::initializer_list<ErrorValue> values) {
  const ErrorValue* value = values.begin();
  return fill(id, [&]() -> std::string_view {
    return value == values.end() ? std::string_view() : std::string_view((value++)->text());
  });
}

ErrorText unknown_command_error(std::span<const std::string_view> words) {
  std::string arguments;
  for (std::size_t i = 1; i < words.size() && arguments.size() < kMaxShownBytes; ++i) {
    arguments += '\'';
    arguments += shown(words[i], kMaxShownBytes - (arguments.size() - 1));
    arguments += "' ";
  }
  const std::string command = shown(words.empty() ? std::string_view() : words[0]);
  bool first = true;
  return fill(ErrorId::UnknownCommand, [&]() -> std::string_view {
    return std::exchange(first, false) ? command : arguments;
  });
}

ErrorText no_limit_error(std::string_view limit, std::string_view near, bool declared_off) {
  if (near.empty()) return error_text(declared_off ? NoLimitOff : NoLimit, {limit});
  return error_text(declared_off ? NoLimitNearOff : NoLimitNear, {limit, near});
}

}  // namespace rategate
