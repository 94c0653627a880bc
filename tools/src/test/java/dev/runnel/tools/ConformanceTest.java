package dev.runnel.tools;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.runnel.Options;
import dev.runnel.Options.KernelSet;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/// All cases of the shared test data, by both sets of kernels. Nothing fails; unsupported are
/// exactly the cases whose operators or types are out of scope.
class ConformanceTest {
    private static final Path SHARED = Path.of(System.getProperty("runnel.shared", "../../shared"));

    /// Values that are sequences or optional.
    private static final Set<String> OUT_OF_SCOPE =
            Set.of(
                    "test_identity_opt",
                    "test_identity_sequence",
                    "test_loop13_seq",
                    "test_sequence_insert_at_back",
                    "test_sequence_insert_at_front");

    @ParameterizedTest
    @EnumSource(names = {"SCALAR", "VECTOR"})
    void backendTests_ofTheOnnxProject_pass(KernelSet kernels) throws IOException {
        check("conformance/onnx", kernels, false, OUT_OF_SCOPE);
    }

    @ParameterizedTest
    @EnumSource(names = {"SCALAR", "VECTOR"})
    void exports_ofPyTorch_pass(KernelSet kernels) throws IOException {
        check("conformance/pytorch", kernels, false, Set.of());
    }

    @ParameterizedTest
    @EnumSource(names = {"SCALAR", "VECTOR"})
    void realModels_pass(KernelSet kernels) throws IOException {
        check("models", kernels, false, Set.of());
    }

    @ParameterizedTest
    @EnumSource(names = {"SCALAR", "VECTOR"})
    void realModels_asStreams_pass(KernelSet kernels) throws IOException {
        check("models", kernels, true, Set.of());
    }

    private static void check(
            String name, KernelSet kernels, boolean stream, Set<String> unsupported)
            throws IOException {
        Path folder = SHARED.resolve(name);
        assumeTrue(Files.isDirectory(folder), () -> "not run: there is no test data at " + folder);
        Verifier verifier = new Verifier(stream, Options.defaults().kernels(kernels), null, null);
        List<Verdict> verdicts = Case.find(List.of(folder)).stream().map(verifier::check).toList();
        assertThat(verdicts)
                .filteredOn(v -> v instanceof Verdict.Failed)
                .as("failed of %s with %s kernels", name, kernels)
                .isEmpty();
        assertThat(verdicts)
                .filteredOn(v -> v instanceof Verdict.Unsupported)
                .extracting(Verdict::name)
                .as("unsupported of %s with %s kernels", name, kernels)
                .containsExactlyInAnyOrderElementsOf(unsupported);
    }
}
