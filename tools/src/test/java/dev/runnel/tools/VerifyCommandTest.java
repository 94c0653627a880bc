package dev.runnel.tools;

import static dev.runnel.tools.TinyModels.data;
import static dev.runnel.tools.TinyModels.floats;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

class VerifyCommandTest {
    private static final List<Long> ROW = List.of(1L, 2L);

    @TempDir private Path temp;
    private Path shift;

    @BeforeEach
    void makeCase() throws IOException {
        shift = temp.resolve("shift");
        TinyModels.shift(shift);
        data(shift, 0, "input_0", floats("x", ROW, 1, 2));
        data(shift, 0, "output_0", floats("y", ROW, 11, 22.001f));
        data(shift, 1, "input_0", floats("", List.of(2L, 2L), 1, 2, 3, 4));
        data(shift, 1, "output_0", floats("", List.of(2L, 2L), 11, 22, 13, 24));
    }

    private Path stream(float lastSum) throws IOException {
        Path sum = temp.resolve("sum");
        TinyModels.sum(sum);
        Files.writeString(sum.resolve("state.txt"), "s1>s\n");
        data(sum, 0, "input_0", floats("x", ROW, 1, 2));
        data(sum, 0, "input_1", floats("s", ROW, 100, 200));
        data(sum, 0, "output_0", floats("y", ROW, 101, 202));
        data(sum, 0, "output_1", floats("s1", ROW, 101, 202));
        data(sum, 1, "input_0", floats("x", ROW, 1, 2));
        data(sum, 1, "input_1", floats("s", ROW, 101, 202));
        data(sum, 1, "output_0", floats("y", ROW, 102, 204));
        data(sum, 1, "output_1", floats("s1", ROW, 102, lastSum));
        return sum;
    }

    @Test
    void allPassing_exitsWithZero() {
        assertThat(Captured.of("verify", shift))
                .isEqualTo(
                        new Captured(
                                0,
                                """
                                ok shift sets=2 max_abs=1.0e-03
                                1 passed, 0 failed, 0 unsupported
                                """,
                                ""));
    }

    @Test
    void kernels_canBeChosen() {
        assertThat(Captured.of("verify", shift, "--kernels", "scalar").exit()).isZero();
        assertThat(Captured.of("verify", shift, "--kernels", "vector").exit()).isZero();
        assertThat(Captured.of("verify", shift, "--kernels", "fast").exit()).isEqualTo(2);
    }

    @Test
    void tolerance_canBeGiven() {
        assertThat(Captured.of("verify", shift, "--rtol", "0", "--atol", "1e-4"))
                .isEqualTo(
                        new Captured(
                                1,
                                """
                                FAIL shift set 0 output 'y': element [0, 1] is 22.0, expected 22.001\
                                 within 1.0e-04 = 1e-04 + 0e+00·|22.001|; 1 of 2 is off
                                0 passed, 1 failed, 0 unsupported
                                """,
                                ""));
    }

    @Test
    void unknownOperator_isUnsupported_andExitsWithOne() throws IOException {
        Path unknown = temp.resolve("unknown");
        TinyModels.unknown(unknown);
        data(unknown, 0, "input_0", floats("x", ROW, 1, 2));
        data(unknown, 0, "output_0", floats("y", ROW, 1, 2));
        Captured c = Captured.of("verify", temp);
        assertThat(c.exit()).isEqualTo(1);
        assertThat(c.out())
                .startsWith(
                        """
                        ok shift sets=2 max_abs=1.0e-03
                        unsupported unknown: model.onnx: node 'Frobnicate_y' (Frobnicate): \
                        """)
                .endsWith("\n1 passed, 0 failed, 1 unsupported\n");
    }

    @Test
    void stream_carriesStateFromItsFirstValue() throws IOException {
        Path sum = stream(204);
        // Were the second set's state fed, its sum would be the same; so it is made wrong.
        data(sum, 1, "input_1", floats("s", ROW, -1, -1));
        assertThat(Captured.of("verify", "--stream", sum))
                .isEqualTo(
                        new Captured(
                                0,
                                """
                                ok sum sets=2 max_abs=0.0e+00
                                1 passed, 0 failed, 0 unsupported
                                """,
                                ""));
        assertThat(Captured.of("verify", sum).out())
                .startsWith("FAIL sum set 1 output 'y': element [0, 0] is 0.0, expected 102.0");
    }

    @Test
    void stream_comparesStatesToo() throws IOException {
        assertThat(Captured.of("verify", "--stream", stream(205)).out())
                .startsWith("FAIL sum set 1 output 's1': element [0, 1] is 204.0, expected 205.0");
    }

    @Test
    void stream_ofACaseWithoutState_isAsUsual() {
        assertThat(Captured.of("verify", "--stream", shift))
                .isEqualTo(Captured.of("verify", shift));
    }

    @Test
    void brokenCases_failWithoutStoppingTheOthers() throws IOException {
        Path none = temp.resolve("a_none");
        TinyModels.shift(none);
        Path garbage = temp.resolve("b_garbage");
        Files.createDirectories(garbage);
        Files.write(garbage.resolve("model.onnx"), new byte[] {1, 2, 3});
        Path silent = temp.resolve("c_silent");
        TinyModels.shift(silent);
        data(silent, 0, "input_0", floats("x", ROW, 1, 2));
        Path surplus = temp.resolve("d_surplus");
        TinyModels.shift(surplus);
        data(surplus, 0, "input_0", floats("x", ROW, 1, 2));
        data(surplus, 0, "input_1", floats("z", ROW, 1, 2));
        data(surplus, 0, "output_0", floats("y", ROW, 11, 22));
        Path misshapen = temp.resolve("e_misshapen");
        TinyModels.shift(misshapen);
        data(misshapen, 0, "input_0", floats("x", List.of(1L, 3L), 1, 2, 3));
        data(misshapen, 0, "output_0", floats("y", List.of(1L, 3L), 11, 22, 3));
        Captured c = Captured.of("verify", temp);
        assertThat(c.exit()).isEqualTo(1);
        assertThat(c.out().lines())
                .hasSize(7)
                .satisfiesExactly(
                        l -> assertThat(l).isEqualTo("FAIL a_none has no test_data_set_0"),
                        l -> assertThat(l).startsWith("FAIL b_garbage model.onnx: "),
                        l ->
                                assertThat(l)
                                        .isEqualTo(
                                                "FAIL c_silent set 0 has no output_0.pb or"
                                                        + " output_0.npy"),
                        l ->
                                assertThat(l)
                                        .isEqualTo(
                                                "FAIL d_surplus "
                                                        + surplus.resolve(
                                                                "test_data_set_0/input_1.pb")
                                                        + ": there is no such input; the model has"
                                                        + " [x]"),
                        l -> assertThat(l).startsWith("FAIL e_misshapen ").contains("[1, 3]"),
                        l -> assertThat(l).startsWith("ok shift "),
                        l -> assertThat(l).isEqualTo("1 passed, 5 failed, 0 unsupported"));
    }

    @Test
    void folderWithoutCases_fails() throws IOException {
        Path empty = Files.createDirectory(temp.resolve("empty"));
        assertThat(Captured.of("verify", empty))
                .isEqualTo(
                        new Captured(
                                1,
                                "",
                                "runnel verify: "
                                        + empty
                                        + ": no model.onnx or model.rnl in this folder or below"
                                        + " it\n"));
    }

    @Test
    void model_canBeAnotherFile_thenFoldersNeedNone() throws IOException {
        Path elsewhere = Files.move(shift.resolve("model.onnx"), temp.resolve("other.onnx"));
        assertThat(Captured.of("verify", shift, "--model", elsewhere).out())
                .isEqualTo(
                        """
                        ok shift sets=2 max_abs=1.0e-03
                        1 passed, 0 failed, 0 unsupported
                        """);
        Captured none =
                Captured.of(
                        "verify",
                        Files.createDirectory(temp.resolve("empty")),
                        "--model",
                        elsewhere);
        assertThat(none.exit()).isEqualTo(1);
        assertThat(none.err()).endsWith(": no test_data_set_0 in this folder or below it\n");
    }

    @Test
    void fileInsteadOfAFolder_isToldSo() {
        Path file = shift.resolve("model.onnx");
        assertThat(Captured.of("verify", file))
                .isEqualTo(new Captured(1, "", "runnel verify: " + file + ": not a folder\n"));
        assertThat(Captured.of("verify", "no/such").err())
                .isEqualTo("runnel verify: no/such: no such file\n");
    }
}
