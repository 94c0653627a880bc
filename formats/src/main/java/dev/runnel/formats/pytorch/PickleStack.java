package dev.runnel.formats.pytorch;

import dev.runnel.MalformedModelException;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;

/// The values that a pickle is at work on, and those that it has numbered to come back to.
///
/// A byte of a pickle makes a container of some 80 bytes, so that there is a limit to their number;
/// all else is in proportion to the file.
final class PickleStack {
    /// A tensor takes about six.
    private static final int MAX_CONTAINERS = 1 << 21;

    private static final int MAX_MARKS = 1 << 12;

    /// What stands in the memo where nothing does.
    private static final Object ABSENT = new Object();

    private final Function<String, MalformedModelException> corrupt;
    private final ArrayList<@Nullable Object> values = new ArrayList<>();
    private final ArrayList<Integer> marks = new ArrayList<>();
    private final ArrayList<@Nullable Object> memo = new ArrayList<>();
    private int memoized;
    private int containers;

    /// @param corrupt makes an exception that says what the pickle has, and where
    PickleStack(Function<String, MalformedModelException> corrupt) {
        this.corrupt = corrupt;
    }

    void clear() {
        values.clear();
        marks.clear();
        memo.clear();
        memoized = 0;
        containers = 0;
    }

    void push(@Nullable Object value) {
        values.add(value);
    }

    /// Pushes what may have other values in it.
    void contain(@Nullable Object value) {
        if (++containers > MAX_CONTAINERS) {
            throw corrupt.apply("more than " + MAX_CONTAINERS + " containers");
        }
        push(value);
    }

    void mark() {
        if (marks.size() == MAX_MARKS) {
            throw corrupt.apply("more than " + MAX_MARKS + " open marks");
        }
        marks.add(values.size());
    }

    @Nullable Object pop() {
        peek();
        return values.removeLast();
    }

    @Nullable Object peek() {
        if (values.size() == (marks.isEmpty() ? 0 : marks.getLast())) {
            throw corrupt.apply("an empty stack");
        }
        return values.getLast();
    }

    List<@Nullable Object> popToMark() {
        if (marks.isEmpty()) {
            throw corrupt.apply("no mark on the stack");
        }
        List<@Nullable Object> top = values.subList(marks.removeLast(), values.size());
        List<@Nullable Object> items = Collections.unmodifiableList(new ArrayList<>(top));
        top.clear();
        return items;
    }

    /// Gives the topmost value the next number.
    void memoize() {
        memoize(memoized, Long.MAX_VALUE);
    }

    /// Gives the topmost value a number. They come in order, but some may have been left out.
    ///
    /// @param most there is no greater one, as each takes a byte
    void memoize(int index, long most) {
        if (index < 0 || index > most) {
            throw corrupt.apply("a value of number " + Integer.toUnsignedString(index));
        }
        while (memo.size() <= index) {
            memo.add(ABSENT);
        }
        memoized += memo.set(index, peek()) == ABSENT ? 1 : 0;
    }

    @Nullable Object recall(int index) {
        Object value = index < 0 || index >= memo.size() ? ABSENT : memo.get(index);
        if (value == ABSENT) {
            throw corrupt.apply("no value number " + Integer.toUnsignedString(index));
        }
        return value;
    }
}
