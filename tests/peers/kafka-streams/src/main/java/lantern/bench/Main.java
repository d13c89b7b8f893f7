package lantern.bench;

import java.net.URI;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import redis.clients.jedis.RedisClient;

/**
 * A projection as Kafka Streams does it: state in its tables, views in Redis.
 *
 * <p>It runs until it is killed, and ends with an error if it can't go on.
 */
final class Main {
    private Main() {}

    /** Arguments: BOOTSTRAP_SERVERS REDIS_URL TOPIC WORKLOAD STORE, where STORE is `rocksdb` or `in-memory`. */
    public static void main(String[] args) throws InterruptedException {
        if (args.length != 5) {
            System.err.println("usage: Main BOOTSTRAP_SERVERS REDIS_URL TOPIC WORKLOAD rocksdb|in-memory");
            System.exit(2);
        }
        var redis = URI.create(args[1]);
        var topic = args[2];
        var workload = args[3];
        var settings = Settings.of(args[0], redis, topic, workload, args[4]);

        var builder = new StreamsBuilder();
        builder.addStateStore(Outbox.builder(RedisClient.create(redis)));
        switch (workload) {
            case "balances" -> Balances.build(builder, topic);
            case "documents" -> Documents.build(builder, topic);
            case "counters" -> Counters.build(builder, topic);
            default -> throw new IllegalArgumentException("there is no workload " + workload);
        }

        var ended = new CountDownLatch(1);
        var streams = new KafkaStreams(builder.build(settings), settings);
        streams.setUncaughtExceptionHandler(failure -> StreamThreadExceptionResponse.SHUTDOWN_CLIENT);
        streams.setStateListener((state, before) -> {
            if (state.hasCompletedShutdown()) {
                ended.countDown();
            }
        });
        streams.start();
        ended.await();
        System.exit(1);
    }
}
