package dev.runnel.formats.pytorch;

import dev.runnel.MalformedModelException;
import dev.runnel.formats.file.MappedFile;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.ValueLayout;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A machine for Python's pickles that can make plain values and what [Globals] lists, and nothing
/// else: there is no code here that a pickle could have run. It knows the opcodes that protocols 2
/// to 5 write for such values.
///
/// Values are [String], [Long], [BigInteger], [Double], [Boolean], `byte[]`, null for `None`,
/// [Tuple], `ArrayList` for lists and sets, [LinkedHashMap] for dicts, and those of [Globals].
///
/// Every length is checked against the bytes that are left before anything is allocated; values are
/// not hashed unless they are keys, which are text, numbers or `None`, so that values which contain
/// themselves, or each other over and over, cost nothing here.
///
/// Source: `pickletools.py` of CPython 3.13.
final class Pickle {
    /// A pickle of weights takes some 50 opcodes a tensor.
    private static final int MAX_OPCODES = 1 << 24;

    /// A tuple: immutable in Python too.
    record Tuple(List<@Nullable Object> items) {
        static final Tuple EMPTY = new Tuple(List.of());
    }

    /// Finds what lies outside the pickle.
    interface Persistent {
        Object load(@Nullable Object id);
    }

    private final MappedFile file;
    private final Globals globals;
    private final Persistent persistent;
    private long position;
    private long start;

    private final PickleStack stack = new PickleStack(this::corrupt);

    /// A machine for the pickles that lie in `file` from byte `position` on.
    Pickle(MappedFile file, long position, Globals globals, Persistent persistent) {
        this.file = file;
        this.position = position;
        this.globals = globals;
        this.persistent = persistent;
    }

    /// The byte after the last pickle that was loaded.
    long position() {
        return position;
    }

    /// The value of the next pickle.
    ///
    /// @throws MalformedModelException if it is not well-formed
    /// @throws dev.runnel.UnsupportedModelException if it names what [Globals] does not list
    @Nullable Object load() {
        stack.clear();
        for (int n = 0; n < MAX_OPCODES; n++) {
            start = position;
            int opcode = unsigned(1, "an opcode");
            if (opcode == '.') {
                return pop();
            }
            if (!(constant(opcode) || container(opcode) || memo(opcode))) {
                construct(opcode);
            }
        }
        throw corrupt("more than " + MAX_OPCODES + " opcodes");
    }

    // ---- opcodes

    private boolean constant(int opcode) {
        switch (opcode) {
            case 0x80 -> { // PROTO
                int protocol = unsigned(1, "a protocol");
                if (protocol > 5) {
                    throw file.unsupported(
                            "the pickle is of protocol " + protocol + ", expected 2 to 5");
                }
            }
            case 0x95 -> unsignedLength(8); // FRAME: what it says of the bytes to come is no use
            case 'N' -> push(null);
            case 0x88 -> push(true);
            case 0x89 -> push(false);
            case 'K' -> push((long) unsigned(1, "a number"));
            case 'M' -> push((long) unsigned(2, "a number"));
            case 'J' -> push((long) unsigned(4, "a number"));
            case 0x8a -> push(integer(unsignedLength(1))); // LONG1
            case 0x8b -> push(integer(unsignedLength(4))); // LONG4
            case 'G' -> push(ByteBuffer.wrap(bytes(8)).getDouble());
            case 0x8c -> push(text(unsignedLength(1), StandardCharsets.UTF_8));
            case 'X' -> push(text(unsignedLength(4), StandardCharsets.UTF_8));
            case 0x8d -> push(text(unsignedLength(8), StandardCharsets.UTF_8));
            case 'U' -> push(text(unsignedLength(1), StandardCharsets.ISO_8859_1)); // Python 2
            case 'T' -> push(text(unsignedLength(4), StandardCharsets.ISO_8859_1));
            case 'C' -> push(bytes(unsignedLength(1)));
            case 'B' -> push(bytes(unsignedLength(4)));
            case 0x8e, 0x96 -> push(bytes(unsignedLength(8)));
            default -> {
                return false;
            }
        }
        return true;
    }

    private boolean container(int opcode) {
        switch (opcode) {
            case '(' -> stack.mark();
            case '0' -> pop();
            case '1' -> popToMark();
            case ')' -> push(Tuple.EMPTY);
            case 't' -> contain(new Tuple(popToMark()));
            case 0x85, 0x86, 0x87 -> contain(tuple(opcode - 0x84));
            case ']', 0x8f -> contain(new ArrayList<@Nullable Object>()); // lists, sets
            case '}' -> contain(new LinkedHashMap<String, @Nullable Object>());
            case 'a' -> {
                Object item = pop();
                list().add(item);
            }
            case 'e', 0x90 -> { // APPENDS, ADDITEMS
                List<@Nullable Object> items = popToMark();
                list().addAll(items);
            }
            case 0x91 -> contain(new ArrayList<>(popToMark())); // FROZENSET
            case 's' -> {
                Object value = pop();
                Object key = pop();
                put(dict(), key, value);
            }
            case 'u' -> {
                List<@Nullable Object> items = popToMark();
                if (items.size() % 2 != 0) {
                    throw corrupt("a key without a value");
                }
                Map<String, @Nullable Object> dict = dict();
                for (int i = 0; i < items.size(); i += 2) {
                    put(dict, items.get(i), items.get(i + 1));
                }
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private boolean memo(int opcode) {
        switch (opcode) {
            case 'q' -> stack.memoize(unsigned(1, "a number"), position);
            case 'r' -> stack.memoize(unsigned(4, "a number"), position);
            case 0x94 -> stack.memoize();
            case 'h' -> push(stack.recall(unsigned(1, "a number")));
            case 'j' -> push(stack.recall(unsigned(4, "a number")));
            default -> {
                return false;
            }
        }
        return true;
    }

    private void construct(int opcode) {
        switch (opcode) {
            case 'c' -> push(globals.named(line() + "." + line()));
            case 'i' -> { // INST: refused, by the name if that is not to be had at all
                globals.named(line() + "." + line());
                throw unknown(opcode);
            }
            case 0x93 -> {
                Object name = pop();
                Object module = pop();
                if (!(module instanceof String m && name instanceof String n)) {
                    throw corrupt("a global whose name is no text");
                }
                push(globals.named(m + "." + n));
            }
            case 'R', 0x81 -> { // REDUCE, NEWOBJ
                Object arguments = pop();
                Object callable = pop();
                if (!(callable instanceof Globals.Callable c && arguments instanceof Tuple t)) {
                    throw corrupt("a call of what cannot be called");
                }
                contain(c.call(t.items()));
            }
            case 'b' -> { // attributes of a dict, such as the versions of modules: not needed
                pop();
                if (!(peek() instanceof Map || peek() instanceof Globals.NumpyType)) {
                    throw file.unsupported(
                            "the pickle sets the state of an object at byte "
                                    + start
                                    + "; only tensors and plain containers are read");
                }
            }
            case 'Q' -> push(persistent.load(pop()));
            default -> throw unknown(opcode);
        }
    }

    private RuntimeException unknown(int opcode) {
        if (opcode >= ' ' && opcode < 0x7f || opcode > 0x80 && opcode <= 0x98) {
            return file.unsupported(
                    "the pickle has opcode 0x"
                            + Integer.toHexString(opcode)
                            + " at byte "
                            + start
                            + ", which protocols 2 to 5 need for no tensor or plain container");
        }
        return corrupt("opcode 0x" + Integer.toHexString(opcode));
    }

    // ---- the stack

    private void push(@Nullable Object value) {
        stack.push(value);
    }

    private void contain(@Nullable Object value) {
        stack.contain(value);
    }

    private @Nullable Object pop() {
        return stack.pop();
    }

    private @Nullable Object peek() {
        return stack.peek();
    }

    private List<@Nullable Object> popToMark() {
        return stack.popToMark();
    }

    private Tuple tuple(int size) {
        @Nullable Object[] items = new @Nullable Object[size];
        for (int i = size - 1; i >= 0; i--) {
            items[i] = pop();
        }
        return new Tuple(Collections.unmodifiableList(Arrays.asList(items)));
    }

    @SuppressWarnings("unchecked")
    private List<@Nullable Object> list() {
        if (peek() instanceof ArrayList<?> list) {
            return (List<@Nullable Object>) list;
        }
        throw corrupt("an item for what is no list");
    }

    @SuppressWarnings("unchecked")
    private Map<String, @Nullable Object> dict() {
        if (peek() instanceof LinkedHashMap<?, ?> dict) {
            return (Map<String, @Nullable Object>) dict;
        }
        throw corrupt("a key for what is no dict");
    }

    /// Keys are kept as text, as tensors are named by them.
    private void put(
            Map<String, @Nullable Object> dict, @Nullable Object key, @Nullable Object value) {
        if (!isPlain(key)) {
            throw file.unsupported(
                    "the pickle has a dict with keys that are neither text nor numbers, at byte "
                            + start);
        }
        String text = String.valueOf(key);
        if (dict.containsKey(text)) {
            throw corrupt("a dict with two keys that read '" + text + "'");
        }
        dict.put(text, value);
    }

    /// Whether `value` is text, a number, a truth value or `None`.
    static boolean isPlain(@Nullable Object value) {
        return value == null
                || value instanceof String
                || value instanceof Number
                || value instanceof Boolean;
    }

    // ---- bytes

    private int unsigned(int size, String what) {
        need(size, what);
        int value = 0;
        for (int i = 0; i < size; i++) {
            value |= file.unsignedByte(position++) << 8 * i;
        }
        return value;
    }

    private long unsignedLength(int size) {
        need(size, "a length");
        long value = 0;
        for (int i = 0; i < size; i++) {
            value |= (long) file.unsignedByte(position++) << 8 * i;
        }
        return value;
    }

    private byte[] bytes(long length) {
        need(length, "a value");
        if (length > Integer.MAX_VALUE - 8) {
            throw file.unsupported("the pickle has a value of " + length + " bytes");
        }
        byte[] b = file.bytes().asSlice(position, length).toArray(ValueLayout.JAVA_BYTE);
        position += length;
        return b;
    }

    private void need(long length, String what) {
        long left = file.size() - position;
        if (length < 0 || length > left) {
            throw corrupt(
                    what
                            + " of "
                            + Long.toUnsignedString(length)
                            + " bytes, with "
                            + left
                            + " left");
        }
    }

    /// An integer in two's complement, least significant byte first; empty for 0.
    private Number integer(long length) {
        if (length > 255) {
            throw corrupt("an integer of " + length + " bytes");
        }
        byte[] b = bytes(length);
        for (int i = 0, j = b.length - 1; i < j; i++, j--) {
            byte t = b[i];
            b[i] = b[j];
            b[j] = t;
        }
        BigInteger value = b.length == 0 ? BigInteger.ZERO : new BigInteger(b);
        return value.bitLength() < 64 ? (Number) value.longValue() : value;
    }

    private String text(long length, Charset charset) {
        byte[] b = bytes(length);
        try {
            return charset.newDecoder().decode(ByteBuffer.wrap(b)).toString();
        } catch (CharacterCodingException e) {
            throw corrupt("text that is not UTF-8");
        }
    }

    private String line() {
        for (long at = position; at < Math.min(file.size(), position + 256); at++) {
            if (file.unsignedByte(at) == '\n') {
                String line = text(at - position, StandardCharsets.UTF_8);
                position++;
                return line;
            }
        }
        throw corrupt("a global without a name");
    }

    private MalformedModelException corrupt(String what) {
        return file.malformed(
                "the pickle has "
                        + what
                        + " at byte "
                        + start
                        + "; the file is truncated or corrupt");
    }
}
