package lantern.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.HashMap;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.internals.AbstractStoreBuilder;
import org.apache.kafka.streams.state.internals.CacheFlushListener;
import org.apache.kafka.streams.state.internals.CachedStateStore;
import redis.clients.jedis.Pipeline;
import redis.clients.jedis.RedisClient;
import redis.clients.jedis.exceptions.JedisDataException;

/**
 * What a task has to write to Redis, in one pipeline a commit: of each document the latest state, of each counter one sum.
 *
 * <p>It is a state store that Kafka Streams flushes when it commits: behind the caches of the tables, whose changed records
 * come here then, and before the offsets. So the views are never behind the offsets, and after a crash some counts may be
 * added twice: at least once, as Kafka Streams promises by default. That its caches can be told to flush without the stores
 * behind them is no public interface of Kafka Streams, but it is the only place where a commit waits for somebody.
 */
final class Outbox implements StateStore, CachedStateStore<Object, Object> {
    /** By this name processors are connected to it. It must be connected behind the tables, whose order is that of the flush. */
    static final String NAME = "outbox";

    /** With so many documents it does not wait for a commit. */
    private static final int DOCUMENTS_MAX = 20_000;

    /** Fields in one command, so that Redis does something else between two. */
    private static final int FIELDS_MAX = 1_000;

    private final RedisClient redis;

    /** Hash, field, and the document or, if it is to be removed, null. */
    private final Map<String, Map<String, byte[]>> documents = new HashMap<>();

    /** Hash, field, and what is to be added. */
    private final Map<String, Map<String, Long>> counts = new HashMap<>();

    private int documentsWaiting;
    private boolean open;

    private Outbox(RedisClient redis) {
        this.redis = redis;
    }

    /** Makes one for each task. */
    static StoreBuilder<Outbox> builder(RedisClient redis) {
        return new AbstractStoreBuilder<Object, Object, Outbox>(NAME, null, null, Time.SYSTEM) {
            @Override
            public Outbox build() {
                return new Outbox(redis);
            }
        }.withLoggingDisabled();
    }

    /** Makes a processor that ends a stream in the outbox of its task. */
    static <K, V> ProcessorSupplier<K, V, Void, Void> end(BiConsumer<Outbox, Record<K, V>> put) {
        return () -> new ContextualProcessor<>() {
            private Outbox outbox;

            @Override
            public void init(ProcessorContext<Void, Void> context) {
                super.init(context);
                outbox = context.getStateStore(NAME);
            }

            @Override
            public void process(Record<K, V> record) {
                put.accept(outbox, record);
            }
        };
    }

    /** Sets a field of a hash, or removes it if the document is null. */
    void set(String hash, String field, byte[] document) {
        var fields = documents.computeIfAbsent(hash, any -> new HashMap<>());
        var before = fields.size();
        fields.put(field, document);
        documentsWaiting += fields.size() - before;
        if (documentsWaiting >= DOCUMENTS_MAX) {
            send(this::sendDocuments);
        }
    }

    /** Adds to a field of a hash. */
    void add(String hash, String field, long amount) {
        counts.computeIfAbsent(hash, any -> new HashMap<>()).merge(field, amount, Long::sum);
    }

    /** Writes all, and returns when Redis has it. */
    @Override
    public void flushCache() {
        send(pipeline -> {
            sendDocuments(pipeline);
            sendCounts(pipeline);
        });
    }

    private void send(Consumer<Pipeline> commands) {
        try (Pipeline pipeline = redis.pipelined()) {
            commands.accept(pipeline);
            for (var answer : pipeline.syncAndReturnAll()) {
                if (answer instanceof JedisDataException refused) {
                    throw refused;
                }
            }
        }
    }

    private void sendDocuments(Pipeline pipeline) {
        documents.forEach((hash, fields) -> {
            var key = hash.getBytes(UTF_8);
            var some = new HashMap<byte[], byte[]>();
            fields.forEach((field, document) -> {
                if (document == null) {
                    pipeline.hdel(key, field.getBytes(UTF_8));
                    return;
                }
                some.put(field.getBytes(UTF_8), document);
                if (some.size() == FIELDS_MAX) {
                    pipeline.hset(key, some);
                    some.clear();
                }
            });
            if (!some.isEmpty()) {
                pipeline.hset(key, some);
            }
            fields.clear();
        });
        documentsWaiting = 0;
    }

    private void sendCounts(Pipeline pipeline) {
        counts.forEach((hash, fields) -> {
            fields.forEach((field, amount) -> pipeline.hincrBy(hash, field, amount));
            fields.clear();
        });
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public void init(StateStoreContext context, StateStore root) {
        context.register(root, (key, value) -> {});
        open = true;
    }

    @Override
    public void flush() {}

    @Override
    public void close() {
        open = false;
    }

    @Override
    public boolean persistent() {
        return false;
    }

    @Override
    public boolean isOpen() {
        return open;
    }

    @Override
    public boolean setFlushListener(CacheFlushListener<Object, Object> listener, boolean sendOldValues) {
        return false;
    }

    @Override
    public void clearCache() {
        documents.clear();
        counts.clear();
        documentsWaiting = 0;
    }
}
