# redis-rb: client.rb SOCKET
require "redis"

path = ARGV[0]
# [snippet
client = Redis.new(path: path)
allowed, limit, remaining, retry_ms, reset_ms, reason = client.call("CHECK", "one", "alice")
# snippet]
puts "allowed #{allowed}"
puts "denied #{client.call("CHECK", "one", "alice").first}"
answers = client.pipelined { |pipeline| 1000.times { pipeline.call("CHECK", "many") } }
puts "pipeline #{answers.sum(&:first)}"
begin
  client.call("CHECK", "missing")
rescue Redis::CommandError => error
  puts "error #{error.message}"
end
puts "restart"
$stdout.flush
$stdin.gets
puts "again #{client.call("CHECK", "one", "bob").first}"
