package dev.runnel;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.methods;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;

import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;

/// The arrows between packages that docs/architecture.md draws, and nothing but them.
class ArchitectureTest {
    private static final JavaClasses RUNTIME =
            new ClassFileImporter()
                    .withImportOption(new ImportOption.DoNotIncludeTests())
                    .importPackages("dev.runnel");

    private static void mayUse(String packageName, String... others) {
        String[] allowed = new String[others.length + 4];
        System.arraycopy(others, 0, allowed, 0, others.length);
        allowed[others.length] = packageName;
        allowed[others.length + 1] = "java..";
        allowed[others.length + 2] = "jdk.incubator.vector";
        allowed[others.length + 3] = "org.jspecify.annotations";
        classes()
                .that()
                .resideInAPackage(packageName)
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage(allowed)
                .check(RUNTIME);
    }

    @Test
    void packages_useOnlyThoseBelowThem() {
        mayUse("dev.runnel.graph");
        mayUse(
                "dev.runnel.decode",
                "dev.runnel",
                "dev.runnel.graph",
                "dev.runnel.internal.kernel.scalar");
        mayUse("dev.runnel.internal.memory", "dev.runnel.graph");
        mayUse("dev.runnel.internal.kernel..", "dev.runnel.internal.memory", "dev.runnel.graph");
        mayUse(
                "dev.runnel.internal.op..",
                "dev.runnel",
                "dev.runnel.graph",
                "dev.runnel.internal.kernel",
                "dev.runnel.internal.memory");
        mayUse(
                "dev.runnel.internal.fuse",
                "dev.runnel",
                "dev.runnel.graph",
                "dev.runnel.internal.op",
                "dev.runnel.internal.memory");
        mayUse(
                "dev.runnel.internal.plan",
                "dev.runnel",
                "dev.runnel.graph",
                "dev.runnel.internal.fuse",
                "dev.runnel.internal.op..",
                "dev.runnel.internal.kernel",
                "dev.runnel.internal.memory");
    }

    /// All that a kernel meets again and again has arenas of one kind, see [Rehearsal]; values
    /// known when compiling are computed once.
    @Test
    void arenas_thatKernelsMeet_areShared() {
        noClasses()
                .that()
                .resideInAPackage("dev.runnel..")
                .and()
                .resideOutsideOfPackages("dev.runnel.formats..", "dev.runnel.tools..")
                .and()
                .doNotHaveFullyQualifiedName("dev.runnel.internal.op.Evaluation")
                .should()
                .callMethod(Arena.class, "ofConfined")
                .check(RUNTIME);
    }

    /// Steps take offsets: a slice is an object where C2 does not do without it, and that depends
    /// on what else it has compiled. Those excepted are made once.
    @Test
    void slices_areNotMadeBySteps() {
        noClasses()
                .that()
                .resideInAnyPackage("dev.runnel.internal.op..", "dev.runnel.internal.kernel..")
                .and()
                .doNotHaveFullyQualifiedName("dev.runnel.internal.op.Evaluation")
                .and()
                .doNotHaveFullyQualifiedName("dev.runnel.internal.op.recurrent.RecurrentProgram")
                .and()
                .doNotHaveFullyQualifiedName("dev.runnel.internal.kernel.PanelLayout")
                .should()
                .callMethodWhere(
                        DescribedPredicate.describe(
                                "a slice is made, and not in a constructor",
                                call ->
                                        call.getTarget().getName().equals("asSlice")
                                                && !call.getOrigin().isConstructor()))
                .check(RUNTIME);
    }

    @Test
    void operatorsAndPlanner_useNoPublicClassButTheExceptions() {
        noClasses()
                .that()
                .resideInAPackage("dev.runnel.internal..")
                .should()
                .dependOnClassesThat()
                .belongToAnyOf(
                        Model.class,
                        Session.class,
                        State.class,
                        Snapshot.class,
                        Options.class,
                        Port.class)
                .check(RUNTIME);
    }

    @Test
    void vectorApi_isUsedByVectorKernelsOnly() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.runnel.internal.kernel.vector..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("jdk.incubator.vector..")
                .check(RUNTIME);
    }

    /// Whether C2 inlines such a method depends on what it has compiled before; where it does not,
    /// each vector is an object.
    @Test
    void vectorKernels_handNoVectorsToMethodsOfTheirOwn() {
        DescribedPredicate<JavaClass> vector =
                DescribedPredicate.describe(
                        "a vector",
                        c ->
                                c.getPackageName().equals("jdk.incubator.vector")
                                        && c.getSimpleName().endsWith("Vector"));
        methods()
                .that()
                .areDeclaredInClassesThat()
                .resideInAPackage("dev.runnel.internal.kernel.vector..")
                .should()
                .notHaveRawReturnType(vector)
                .andShould()
                .notHaveRawParameterTypes(DescribedPredicate.anyElementThat(vector))
                .check(RUNTIME);
    }
}
