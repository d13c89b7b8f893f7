package lantern.bench;

import static org.apache.kafka.streams.StreamsConfig.mainConsumerPrefix;

import java.net.URI;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.state.BuiltInDslStoreSuppliers.InMemoryDslStoreSuppliers;
import org.apache.kafka.streams.state.BuiltInDslStoreSuppliers.RocksDBDslStoreSuppliers;

/**
 * What is set otherwise than Kafka Streams would, and why.
 *
 * <p>All else is its default: at least once, changelog topics, the size of fetches and of RocksDB's buffers.
 */
final class Settings {
    private Settings() {}

    static Properties of(String servers, URI redis, String topic, String workload, String store) {
        var settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, servers);
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        // Both are other ones in each start, which so is a cold one.
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, required("application.id"));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, required("state.dir"));
        // The broker is alone.
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        // One for each processor of the machine that the benchmark is made for.
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
        // A commit writes the changed records of the cache to the changelog and to Redis. By default it comes after 30 s;
        // the shorter it is, the fresher the views, and the more is written.
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 200);
        // So that nothing is evicted between two commits: 10 MB are too few for documents of 1 KB.
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64L << 20);
        // A table that is read from a topic takes this topic as its changelog, and writes none.
        settings.put(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, StreamsConfig.OPTIMIZE);
        settings.put(StreamsConfig.DSL_STORE_SUPPLIERS_CLASS_CONFIG, switch (store) {
            case "rocksdb" -> RocksDBDslStoreSuppliers.class;
            case "in-memory" -> InMemoryDslStoreSuppliers.class;
            default -> throw new IllegalArgumentException("there is no store " + store);
        });

        // The second thread is in the group only when the first has heard of it: by default after up to 3 s.
        settings.put(mainConsumerPrefix(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG), 100);
        settings.put(mainConsumerPrefix(ConsumerConfig.INTERCEPTOR_CLASSES_CONFIG), Checkpoints.class.getName());
        settings.put(mainConsumerPrefix(Checkpoints.REDIS), redis.toString());
        settings.put(mainConsumerPrefix(Checkpoints.HASH), "lantern:checkpoints:" + workload);
        settings.put(mainConsumerPrefix(Checkpoints.TOPIC), topic);
        return settings;
    }

    private static String required(String property) {
        var value = System.getProperty(property);
        if (value == null) {
            throw new IllegalArgumentException("there is no system property " + property);
        }
        return value;
    }
}
