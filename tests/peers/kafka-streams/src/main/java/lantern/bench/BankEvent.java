package lantern.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * What has happened to an account.
 *
 * @param kind what it was
 * @param owner whose account it is, if it was opened, or null
 * @param amount in cents, if money was moved, or 0
 */
record BankEvent(Kind kind, String owner, long amount) {
    /** The kinds that the view knows, and all others. */
    enum Kind {
        OPENED,
        DEPOSITED,
        WITHDRAWN,
        OTHER
    }

    private static final JsonFactory JSON = new JsonFactory();

    /** Reads the payload of an event. By hand, since to bind it to a class takes longer. */
    static BankEvent parse(byte[] payload) {
        var kind = Kind.OTHER;
        String owner = null;
        var amount = 0L;
        try (var parser = JSON.createParser(payload)) {
            parser.nextToken();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                var field = parser.currentName();
                parser.nextToken();
                switch (field) {
                    case "type" -> kind = kind(parser.getText());
                    case "owner" -> owner = parser.getText();
                    case "amount" -> amount = parser.getLongValue();
                    default -> parser.skipChildren();
                }
            }
        } catch (IOException malformed) {
            throw new UncheckedIOException(malformed);
        }
        return new BankEvent(kind, owner, amount);
    }

    private static Kind kind(String type) {
        return switch (type) {
            case "AccountOpened" -> Kind.OPENED;
            case "MoneyDeposited" -> Kind.DEPOSITED;
            case "MoneyWithdrawn" -> Kind.WITHDRAWN;
            default -> Kind.OTHER;
        };
    }
}
