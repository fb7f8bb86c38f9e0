package org.mouselift.tests;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Dependencies point one way: engine ← models, engine ← data, {models, data} ← pipeline, {engine, models} ← tornado-kernels. */
@AnalyzeClasses(packages = "org.mouselift", importOptions = ImportOption.DoNotIncludeTests.class)
class RoomsTest {
    @ArchTest
    static final ArchRule engineKnowsNobody = noClasses().that().resideInAPackage("org.mouselift.engine..")
            .should().dependOnClassesThat(resideInAPackage("org.mouselift..")
                    .and(com.tngtech.archunit.base.DescribedPredicate.not(resideInAPackage("org.mouselift.engine.."))));

    @ArchTest
    static final ArchRule modelsKnowOnlyTheEngine = noClasses().that().resideInAPackage("org.mouselift.models..")
            .should().dependOnClassesThat(resideInAnyPackage(
                    "org.mouselift.data..", "org.mouselift.pipeline..", "org.mouselift.tornado.."))
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule dataKnowsOnlyTheEngine = noClasses().that().resideInAPackage("org.mouselift.data..")
            .should().dependOnClassesThat(resideInAnyPackage(
                    "org.mouselift.models..", "org.mouselift.pipeline..", "org.mouselift.tornado.."))
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule nobodyImportsTheGpuExecutor = noClasses().that().resideOutsideOfPackage("org.mouselift.tornado..")
            .should().dependOnClassesThat(resideInAnyPackage("org.mouselift.tornado..", "uk.ac.manchester.."));

    /**
     * Kernels are written for operations, and some operations (the splat renderer, the optimiser's steps) are the models': a kernel must
     * know their parameters. It may know nothing else of the models; the benchmarks build whole networks.
     */
    @ArchTest
    static final ArchRule kernelsKnowOnlyOperationsOfTheModels = noClasses().that().resideInAnyPackage("org.mouselift.tornado", "org.mouselift.tornado.plan..",
            "org.mouselift.tornado.launch..", "org.mouselift.tornado.kernel..")
            .should().dependOnClassesThat(resideInAPackage("org.mouselift.models..").and(com.tngtech.archunit.base.DescribedPredicate.not(
                    com.tngtech.archunit.core.domain.JavaClass.Predicates.assignableTo(org.mouselift.engine.Operation.class))));

    @ArchTest
    static final ArchRule onlyCpuPackagesUseTheVectorApi = noClasses().that().resideOutsideOfPackage("org.mouselift..cpu..")
            .should().dependOnClassesThat(resideInAPackage("jdk.incubator.vector.."));

    @ArchTest
    static final ArchRule onlyThePipelineTalksToTheTerminal = noClasses()
            .that().resideInAnyPackage("org.mouselift.engine..", "org.mouselift.models..", "org.mouselift.data..")
            .should().dependOnClassesThat(resideInAPackage("picocli.."));

    @ArchTest
    static final ArchRule roomsHaveNoCycles = slices().matching("org.mouselift.(*)..").should().beFreeOfCycles();

    /** The rules above would hold of an empty import: this one says that the rooms are really there. */
    @ArchTest
    static void theRoomsWereImported(JavaClasses classes) {
        assertTrue(classes.contain("org.mouselift.engine.DType"), "engine was not imported");
        assertTrue(classes.contain("org.mouselift.pipeline.cli.Mouselift"), "pipeline was not imported");
    }

    /** A rule that cannot fail is worthless: this one must report the test's own use of another room. */
    @ArchTest
    static void aBreachIsReported(JavaClasses classes) {
        JavaClasses withTests = new ClassFileImporter().importClasses(RoomsTest.class, LauncherTest.class);
        boolean broken = noClasses().should().dependOnClassesThat(resideInAPackage("com.tngtech.archunit.."))
                .evaluate(withTests).hasViolation();
        assertTrue(broken);
    }
}
