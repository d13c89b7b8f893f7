package lantern.bench;

import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerInterceptor;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import redis.clients.jedis.RedisClient;

/**
 * Tells the benchmark how far the projection has come: whenever Kafka Streams has committed offsets, they go to a hash in Redis.
 *
 * <p>Kafka Streams commits what {@link Outbox} has written before, so all up to there can be read.
 */
public final class Checkpoints implements ConsumerInterceptor<byte[], byte[]> {
    /** The setting that has Redis's URL. */
    static final String REDIS = "checkpoints.redis";

    /** The setting that names the hash. */
    static final String HASH = "checkpoints.hash";

    /** The setting that names the topic; offsets of another are not told. */
    static final String TOPIC = "checkpoints.topic";

    private RedisClient redis;
    private String hash;
    private String topic;

    /** Made by the consumer, which then configures it. */
    public Checkpoints() {}

    @Override
    public void configure(Map<String, ?> settings) {
        redis = RedisClient.create((String) settings.get(REDIS));
        hash = (String) settings.get(HASH);
        topic = (String) settings.get(TOPIC);
    }

    @Override
    public void onCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {
        var fields = new HashMap<String, String>();
        offsets.forEach((partition, next) -> {
            if (partition.topic().equals(topic)) {
                fields.put(topic + "/" + partition.partition(), Long.toString(next.offset()));
            }
        });
        if (!fields.isEmpty()) {
            redis.hset(hash, fields);
        }
    }

    @Override
    public ConsumerRecords<byte[], byte[]> onConsume(ConsumerRecords<byte[], byte[]> records) {
        return records;
    }

    @Override
    public void close() {
        redis.close();
    }
}
