// Jedis: JedisProgram HOST:PORT default|2|3
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.IntStream;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.RedisClient;
import redis.clients.jedis.Response;
import redis.clients.jedis.commands.ProtocolCommand;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisDataException;

class JedisProgram {
  static long first(Object answer) {
    return (Long) ((List<?>) answer).get(0);
  }

  public static void main(String[] arguments) throws Exception {
    var address = HostAndPort.from(arguments[0]);
    var more = DefaultJedisClientConfig.builder();
    if (arguments[1].equals("2")) more.resp2();
    if (arguments[1].equals("3")) more.resp3();
    // [snippet
    ProtocolCommand verb = () -> "CHECK".getBytes(StandardCharsets.US_ASCII);
    var client = RedisClient.builder().hostAndPort(address).clientConfig(more.build()).build();
    var check = new CommandArguments(verb).add("one").add("alice");
    var decision = (List<?>) client.executeCommand(check);
    // allowed, limit, remaining, retry after and reset after in ms, reason
    boolean allowed = (Long) decision.get(0) == 1;
    // snippet]
    System.out.println("allowed " + (allowed ? 1 : 0));
    System.out.println("denied " + first(client.executeCommand(check)));
    var pipeline = client.pipelined();
    var many = new CommandArguments(verb).add("many");
    List<Response<Object>> answers =
        IntStream.range(0, 1000).mapToObj(i -> pipeline.sendCommand(many)).toList();
    pipeline.sync();
    System.out.println(
        "pipeline " + answers.stream().mapToLong(answer -> first(answer.get())).sum());
    pipeline.close();
    System.out.println("pooled " + IntStream.range(0, 400).parallel()
        .mapToLong(i -> first(client.executeCommand(new CommandArguments(verb).add("pooled")))).sum());
    try {
      client.executeCommand(new CommandArguments(verb).add("missing"));
    } catch (JedisDataException error) {
      System.out.println("error " + error.getMessage());
    }
    System.out.println("restart");
    System.in.read();
    // The pool hands out connections that broke while they lay there: each fails once.
    Object again = null;
    for (int tries = 0; again == null; tries++) {
      try {
        again = client.executeCommand(new CommandArguments(verb).add("one").add("bob"));
      } catch (JedisConnectionException error) {
        if (tries == 8) throw error;
      }
    }
    System.out.println("again " + first(again));
    client.close();
  }
}
