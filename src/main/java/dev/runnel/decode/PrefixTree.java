package dev.runnel.decode;

import java.util.Arrays;
import java.util.function.IntConsumer;

/// Sequences that share their beginnings. Nodes that no kept sequence needs are used again.
final class PrefixTree {
    private static final int NONE = -1;

    private int[] parent = new int[64];
    private int[] tokens = new int[64];
    private int[] entries = new int[64];
    private int[] firstChild = new int[64];
    private int[] nextSibling = new int[64];
    private int[] path = new int[64];
    private int used;
    private int free;
    private int root;

    void clear() {
        used = 0;
        free = NONE;
        root = make(NONE, NONE);
    }

    int root() {
        return root;
    }

    /// The node's last token; none for the root of an empty sequence. A root whose beginning is
    /// decided still knows it.
    int token(int n) {
        return tokens[n];
    }

    int entry(int n) {
        return n == NONE ? NONE : entries[n];
    }

    void setEntry(int n, int entry) {
        entries[n] = entry;
    }

    int child(int n, int t) {
        int c = firstChild[n];
        while (c != NONE && tokens[c] != t) {
            c = nextSibling[c];
        }
        return c;
    }

    int grow(int n, int t) {
        int c = child(n, t);
        if (c == NONE) {
            c = make(n, t);
            nextSibling[c] = firstChild[n];
            firstChild[n] = c;
        }
        return c;
    }

    private int make(int above, int t) {
        int n = free;
        if (n != NONE) {
            free = nextSibling[n];
        } else {
            n = used++;
            if (n == parent.length) {
                parent = Arrays.copyOf(parent, 2 * n);
                tokens = Arrays.copyOf(tokens, 2 * n);
                entries = Arrays.copyOf(entries, 2 * n);
                firstChild = Arrays.copyOf(firstChild, 2 * n);
                nextSibling = Arrays.copyOf(nextSibling, 2 * n);
            }
        }
        parent[n] = above;
        tokens[n] = t;
        entries[n] = NONE;
        firstChild[n] = NONE;
        nextSibling[n] = NONE;
        return n;
    }

    /// Takes the node away, and those above it, as far as nobody needs them.
    void prune(int from) {
        int n = from;
        while (n != root && entries[n] == NONE && firstChild[n] == NONE) {
            int above = parent[n];
            if (above == NONE) {
                return; // away already
            }
            unlink(n, above);
            n = above;
        }
    }

    private void unlink(int n, int above) {
        if (firstChild[above] == n) {
            firstChild[above] = nextSibling[n];
        } else {
            int c = firstChild[above];
            while (nextSibling[c] != n) {
                c = nextSibling[c];
            }
            nextSibling[c] = nextSibling[n];
        }
        release(n);
    }

    private void release(int n) {
        parent[n] = NONE;
        nextSibling[n] = free;
        free = n;
    }

    /// If all kept sequences go on from the root by the same token, goes there.
    int descend() {
        int c = firstChild[root];
        if (entries[root] != NONE || c == NONE || nextSibling[c] != NONE) {
            return NONE;
        }
        release(root);
        root = c;
        parent[c] = NONE;
        return tokens[c];
    }

    /// The tokens from the root to node `n`, which may be many.
    void forEachToken(int n, IntConsumer action) {
        int depth = 0;
        for (int above = n; above != root; above = parent[above]) {
            depth++;
        }
        if (path.length < depth) {
            path = new int[Math.max(depth, 2 * path.length)];
        }
        int i = depth;
        for (int at = n; at != root; at = parent[at]) {
            path[--i] = tokens[at];
        }
        for (; i < depth; i++) {
            action.accept(path[i]);
        }
    }
}
