package dev.runnel.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.graph.Precision;
import dev.runnel.internal.kernel.PanelLayout.Range;
import dev.runnel.internal.memory.Weights;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// Packed weights read back, one by one, from matrices longer than the packer's pieces.
class PanelPackingTest {
    private static final int COLUMNS = 45;
    private static final int SPLIT = 700;

    private static float weight(int column, int k) {
        return (float) Math.sin(column * 31 + k);
    }

    private static final PanelLayout.Source SOURCE =
            PanelLayout.Source.of((_, column, k) -> weight(column, k));

    @ParameterizedTest
    @CsvSource({
        "F32, 1",
        "F32, 1023",
        "F32, 1024",
        "F32, 1025",
        "F32, 2049",
        "BF16, 1025",
        "BF16, 2600",
        "INT8, 1025",
        "INT8, 2600"
    })
    void pack_ofManyInputs_putsEachWeightInItsPlace(Precision precision, int inputs) {
        PanelLayout layout = new PanelLayout(32, precision).group(0, COLUMNS, 0, inputs);
        checkWeights(layout, precision, COLUMNS * inputs);
    }

    /// The scales follow from the inputs of both.
    @ParameterizedTest
    @CsvSource({"F32", "BF16", "INT8"})
    void pack_ofPanelsThatGoOn_putsEachWeightInItsPlace(Precision precision) {
        int inputs = 2600;
        Range all = new Range(0, inputs);
        PanelLayout layout =
                new PanelLayout(32, precision)
                        .group(0, COLUMNS, 0, SPLIT, false, true, all)
                        .group(0, COLUMNS, SPLIT, inputs, true, false, all);
        checkWeights(layout, precision, COLUMNS * inputs);
    }

    private static void checkWeights(PanelLayout layout, Precision precision, int count) {
        try (Arena arena = Arena.ofConfined()) {
            Panels panels = layout.over(arena.allocate(layout.byteSize(), 64));
            layout.packing().pack(panels, SOURCE);
            int[] seen = {0};
            layout.compare(
                    panels,
                    SOURCE,
                    (_, column, k, difference) -> {
                        seen[0]++;
                        assertThat(Math.abs(difference))
                                .as("column %s, input %s", column, k)
                                .isLessThanOrEqualTo(bound(precision, weight(column, k)));
                    });
            assertThat(seen[0]).isEqualTo(count);
            Weights weights = new Weights(arena, null);
            Panels parts = layout.pack(weights, "parts", List.of(), SOURCE);
            for (int i = 0; i < panels.panels().length; i++) {
                MemorySegment part = parts.panels()[i].weights();
                assertThat(part.mismatch(panels.panels()[i].weights())).isEqualTo(-1);
                assertThat(part.address() % 64).isZero();
            }
            assertThat(weights.byteSize()).isEqualTo(layout.byteSize());
        }
    }

    private static double bound(Precision precision, float weight) {
        return switch (precision) {
            case F32 -> 0;
            case BF16 -> Math.abs(weight) * 0x1p-8;
            case INT8 -> 0.5 / 127;
        };
    }
}
