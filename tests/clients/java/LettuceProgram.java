// Lettuce: LettuceProgram SOCKET default|2|3
import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.RedisURI;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.codec.StringCodec;
import io.lettuce.core.output.ArrayOutput;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.ProtocolKeyword;
import io.lettuce.core.protocol.ProtocolVersion;
import io.lettuce.core.support.ConnectionPoolSupport;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.commons.pool2.impl.GenericObjectPoolConfig;

class LettuceProgram {
  // [snippet
  @SuppressWarnings("deprecation") // of name(), which every enum has
  enum Verb implements ProtocolKeyword {
    CHECK;

    @Override
    public byte[] getBytes() {
      return name().getBytes(StandardCharsets.US_ASCII);
    }
  }

  // Allowed, limit, remaining, retry after and reset after in ms, reason.
  static List<Object> check(StatefulRedisConnection<String, String> connection, String... words) {
    var arguments = new CommandArgs<>(StringCodec.UTF8);
    for (String word : words) arguments.add(word);
    return connection.sync().dispatch(Verb.CHECK, new ArrayOutput<>(StringCodec.UTF8), arguments);
  }
  // snippet]

  static long pooled(RedisClient client) throws Exception {
    var size = new GenericObjectPoolConfig<StatefulRedisConnection<String, String>>();
    size.setMaxTotal(4);
    try (var pool = ConnectionPoolSupport.createGenericObjectPool(client::connect, size)) {
      return IntStream.range(0, 400).parallel().mapToLong(i -> {
        try (var connection = pool.borrowObject()) {
          return (Long) check(connection, "pooled").get(0);
        } catch (Exception error) {
          throw new IllegalStateException(error);
        }
      }).sum();
    }
  }

  public static void main(String[] arguments) throws Exception {
    var client = RedisClient.create(RedisURI.Builder.socket(arguments[0]).build());
    var options = ClientOptions.builder();
    if (arguments[1].equals("2")) options.protocolVersion(ProtocolVersion.RESP2);
    if (arguments[1].equals("3")) options.protocolVersion(ProtocolVersion.RESP3);
    client.setOptions(options.build());
    var connection = client.connect();
    System.out.println("allowed " + check(connection, "one", "alice").get(0));
    System.out.println("denied " + check(connection, "one", "alice").get(0));
    connection.setAutoFlushCommands(false);
    List<RedisFuture<List<Object>>> answers = IntStream.range(0, 1000).mapToObj(i ->
        connection.async().<List<Object>>dispatch(Verb.CHECK, new ArrayOutput<>(StringCodec.UTF8),
            new CommandArgs<>(StringCodec.UTF8).add("many"))).toList();
    connection.flushCommands();
    connection.setAutoFlushCommands(true);
    long sum = 0;
    for (var answer : answers) sum += (Long) answer.get().get(0);
    System.out.println("pipeline " + sum);
    System.out.println("pooled " + pooled(client));
    try {
      check(connection, "missing");
    } catch (RedisCommandExecutionException error) {
      System.out.println("error " + error.getMessage());
    }
    System.out.println("restart");
    System.in.read();
    System.out.println("again " + check(connection, "one", "bob").get(0));
    connection.close();
    client.shutdown();
  }
}
