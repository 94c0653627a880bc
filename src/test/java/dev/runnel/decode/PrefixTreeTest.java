package dev.runnel.decode;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;

class PrefixTreeTest {
    private static final int NONE = -1;

    /// An endless stream needs as many nodes as are undecided at once, and no more.
    @Test
    void nodesThatNobodyNeeds_areUsedAgain() {
        PrefixTree tree = new PrefixTree();
        tree.clear();
        tree.setEntry(tree.root(), 0);
        for (int t = 0; t < 10_000; t++) {
            int above = tree.root();
            int kept = tree.grow(above, t % 3);
            int[] dropped = new int[4];
            int[] below = new int[4];
            for (int i = 0; i < 4; i++) {
                dropped[i] = tree.grow(above, 5 + i);
                below[i] = tree.grow(dropped[i], t % 5);
                assertThat(below[i]).isLessThan(10);
            }
            tree.setEntry(above, NONE);
            tree.setEntry(kept, 0);
            assertThat(tree.descend()).isEqualTo(NONE); // the others are there still
            for (int i : new int[] {1, 3, 0, 2}) { // in the middle, first and last
                tree.prune(below[i]);
                assertThat(tree.child(above, 5 + i)).isEqualTo(NONE);
            }
            assertThat(tree.child(above, t % 3)).isEqualTo(kept);
            assertThat(tree.descend()).isEqualTo(t % 3);
            assertThat(tree.root()).isEqualTo(kept);
            assertThat(tree.descend()).isEqualTo(NONE);
        }
    }

    @Test
    void tokens_areThoseFromTheRootOn() {
        PrefixTree tree = new PrefixTree();
        tree.clear();
        List<Integer> want = new ArrayList<>();
        int n = tree.root();
        for (int t = 0; t < 300; t++) {
            n = tree.grow(n, t);
            want.add(t);
        }
        tree.setEntry(n, 0);
        for (int i = 0; i < 2; i++) {
            List<Integer> got = new ArrayList<>();
            tree.forEachToken(n, got::add);
            assertThat(got).isEqualTo(want);
        }
        assertThat(tree.descend()).isZero();
        List<Integer> got = new ArrayList<>();
        tree.forEachToken(n, got::add);
        assertThat(got).isEqualTo(want.subList(1, 300));
    }
}
