package org.mouselift.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs the real launcher script in a small tree of its own, with JDKs and a Maven that only say what they were asked
 * to do. The install folders of the machine are replaced by one inside the tree, so that nothing real is found.
 */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "the launcher is a bash script")
class LauncherTest {
    private record Outcome(int code, String out, String err) {}

    @TempDir
    Path box;

    private Path root;
    private final List<String> environment = new ArrayList<>();
    private final Map<Process, List<Path>> outputs = new HashMap<>();

    @BeforeEach
    void tree() throws IOException {
        root = Files.createDirectories(box.resolve("the repository"));
        Path source = Path.of(System.getProperty("mouselift.root"));
        String script = Files.readString(source.resolve("mouselift"));
        for (String folder : List.of("/usr/lib/jvm/", "/usr/java/", "/opt/java/", "/opt/homebrew/opt/", "/usr/local/java/", "/Library/Java/")) {
            script = script.replace(" " + folder, " \"$ROOT\"/machine" + folder);
        }
        script = script.replace(" /opt/* ", " ");
        executable(root.resolve("mouselift"), script);
        write("conf/jvm.options", "-XX:+Ours\n");
        write("pom.xml", "<project/>");
        write("engine/pom.xml", "<project/>");
        write("engine/src/main/java/A.java", "class A {}");
        // Maven's stand-in counts its runs and makes the jars a real build makes.
        executable(box.resolve("bin/mvn"), """
                #!/bin/bash
                echo "run in $PWD with $JAVA_HOME: $*" >>"$MAVEN_RUNS"
                echo '[INFO] Building engine 1 [2/6]'
                if [ -n "$MAVEN_SLEEP" ]; then sleep "$MAVEN_SLEEP" & s=$!; trap 'kill $s; exit 143' TERM; wait $s; fi
                if [ -n "$MAVEN_FAILS" ]; then echo '[ERROR] A.java:[1,2] cannot find symbol'; exit 1; fi
                case $* in *verify*)
                  echo '[INFO] Tests run: 3, Failures: 0, Errors: 0, Skipped: 1, Time elapsed: 0.1 s -- in X'
                  echo '[WARNING] Tests run: 3, Failures: 0, Errors: 0, Skipped: 1'
                  echo '[INFO] Tests run: 4, Failures: 0, Errors: 0, Skipped: 0' ;;
                esac
                mkdir -p pipeline/target/lib && : >pipeline/target/lib/lib.jar && : >pipeline/target/pipeline-1.jar
                """);
        set("MAVEN_RUNS", box.resolve("maven.txt").toString());
        set("HOME", Files.createDirectories(box.resolve("home")).toString());
        set("PATH", box.resolve("bin") + ":/usr/bin:/bin");
        // Without these a JDK on the machine's own PATH would answer.
        executable(box.resolve("bin/java"), "#!/bin/bash\necho 'openjdk version \"17.0.15\" 2025-04-15' >&2\n");
    }

    @Test
    void takesTheFirstJdkThatFitsAndPassesFlagsAndArguments() throws Exception {
        jdk("machine/usr/lib/jvm/a-17", "17.0.15");
        jdk("machine/usr/lib/jvm/b-25-old", "25.0.2");
        jdk("machine/usr/lib/jvm/c-25", "25.0.3");
        jdk("machine/usr/lib/jvm/d-26", "26");
        set("JAVA_HOME", root.resolve("machine/usr/lib/jvm/a-17").toString());
        set("MOUSELIFT_JVM_OPTS", "-Xmx1g -Xss2m");

        Outcome run = run(root, "./mouselift", "doctor", "with a space");

        assertEquals(0, run.code, run.err);
        String[] seen = run.out.lines().toArray(String[]::new);
        assertEquals("java of c-25", seen[0]);
        List<String> arguments = List.of(seen);
        assertTrue(arguments.contains("@" + root.toRealPath() + "/conf/jvm.options"), run.out);
        assertTrue(arguments.indexOf("-Xmx1g") > 0 && arguments.indexOf("-Xss2m") > 0, run.out);
        assertTrue(arguments.indexOf("org.mouselift.pipeline.cli.Mouselift") < arguments.indexOf("doctor"), run.out);
        assertEquals("with a space", arguments.getLast());
        String classPath = arguments.get(arguments.indexOf("-cp") + 1);
        assertTrue(classPath.contains("lib.jar:") && classPath.endsWith("pipeline-1.jar"), classPath);
    }

    /** A JVM that makes an AOT cache gets it in every later run; one that cannot is used without, and nobody hears of it. */
    @Test
    void theClassesOfAFirstRunAreKeptWhereTheJvmCan() throws Exception {
        Path java = jdk("machine/usr/lib/jvm/a", "25.0.3").resolve("bin/java");
        String plain = Files.readString(java);
        Outcome without = run(root, "./mouselift", "doctor");
        assertEquals(0, without.code, without.err);
        assertFalse(without.out.contains("-XX:AOTCache"), without.out);

        executable(java, plain + """
                for a in "$@"; do case $a in
                  -XX:AOTCacheOutput=*) echo kept >"${a#*=}" ;;
                  *.safetensors) head -c 9 "$a" | od -An -tu1 >"$MAVEN_RUNS.header" ;;
                esac; done
                """);
        assertEquals(0, run(root, "./mouselift", "build").code);
        Outcome with = run(root, "./mouselift", "doctor");
        String cache = with.out.lines().filter(line -> line.startsWith("-XX:AOTCache=")).findFirst().orElse("none");
        assertEquals("kept\n", Files.readString(Path.of(cache.substring(cache.indexOf('=') + 1))), with.out);
        assertEquals("54 0 0 0 0 0 0 0 123", Files.readString(box.resolve("maven.txt.header")).strip().replaceAll("\\s+", " "), "length and first byte of the header");

        executable(java, plain + "case \"$*\" in *AOTCacheOutput*) for a in \"$@\"; do case $a in -XX:AOTCacheOutput=*) echo half >\"${a#*=}\";; esac; done; exit 1;; esac\n");
        assertEquals(0, run(root, "./mouselift", "build").code);
        Outcome failed = run(root, "./mouselift", "doctor");
        assertEquals(0, failed.code, failed.err);
        assertFalse(failed.out.contains("-XX:AOTCache"), failed.out);
    }

    @Test
    void aFittingJavaHomeComesFirst() throws Exception {
        jdk("machine/usr/lib/jvm/a", "25.0.4");
        jdk("mine", "25.1");
        set("JAVA_HOME", root.resolve("mine").toString());
        assertEquals("java of mine", run(root, "./mouselift").out.lines().findFirst().orElse(""));
    }

    @Test
    void aJdkWithoutReleaseFileIsAsked() throws Exception {
        jdk("machine/usr/lib/jvm/a", "25.0.3+9-LTS");
        Files.delete(root.resolve("machine/usr/lib/jvm/a/release"));
        assertEquals("java of a", run(root, "./mouselift").out.lines().findFirst().orElse(""));
    }

    @Test
    void withoutAJdkTheErrorListsWhatWasFound() throws Exception {
        jdk("machine/usr/lib/jvm/a-17", "17.0.15");
        jdk("machine/usr/lib/jvm/b", "25.0.2");
        jdk("machine/usr/lib/jvm/c", "26.0.1");
        jdk("machine/usr/lib/jvm/d", "25-ea");
        Path runtime = jdk("machine/usr/lib/jvm/e", "25.0.3");
        Files.delete(runtime.resolve("bin/javac"));
        set("JAVA_HOME", box.resolve("gone").toString());

        Outcome run = run(root, "./mouselift", "doctor");

        assertEquals(4, run.code);
        assertTrue(run.err.startsWith("error: Mouselift needs a JDK"), run.err);
        for (String part : List.of("a-17: 17.0.15", "b: 25.0.2", "c: 26.0.1", "d: 25-ea", "e: 25.0.3, but a runtime without javac",
                "gone: no such folder (JAVA_HOME)", "(PATH)", "point JAVA_HOME at it")) {
            assertTrue(run.err.contains(part), part + " missing in\n" + run.err);
        }
    }

    @Test
    void buildsOnceAndAgainOnlyWhenSomethingChanged() throws Exception {
        jdk("machine/usr/lib/jvm/a", "25.0.3");
        assertTrue(run(root, "./mouselift").err.contains("[2/6] engine"));
        run(root, "./mouselift");
        assertEquals(1, mavenRuns().size(), "nothing changed");
        assertTrue(mavenRuns().getFirst().contains("machine/usr/lib/jvm/a: -B"), mavenRuns().getFirst());

        newer("engine/src/main/java/A.java");
        run(root, "./mouselift");
        assertEquals(2, mavenRuns().size(), "a source changed");

        Files.setLastModifiedTime(root.resolve("target/built"), FileTime.from(Instant.now().minusSeconds(60)));
        Files.delete(root.resolve("engine/src/main/java/A.java"));
        run(root, "./mouselift");
        assertEquals(3, mavenRuns().size(), "a source was deleted");

        run(root, "./mouselift", "build");
        assertEquals(4, mavenRuns().size(), "build always builds");
    }

    @Test
    void aFailedBuildIsShownAndNotTakenForABuild() throws Exception {
        jdk("machine/usr/lib/jvm/a", "25.0.3");
        set("MAVEN_FAILS", "1");
        Outcome run = run(root, "./mouselift", "doctor");
        assertEquals(4, run.code);
        assertTrue(run.err.contains("cannot find symbol") && run.err.contains("build.log"), run.err);
        assertFalse(run.out.contains("java of"), run.out);
        run(root, "./mouselift", "doctor");
        assertEquals(2, mavenRuns().size());
    }

    @Test
    void worksThroughSymbolicLinksFromAnyFolderAndForwardsTheExitCode() throws Exception {
        Path home = jdk("machine/usr/lib/jvm/a", "25.0.3");
        Path link = Files.createSymbolicLink(box.resolve("link"), root.resolve("mouselift"));
        Path relative = Files.createSymbolicLink(box.resolve("bin/ml"), Path.of("../link"));
        executable(home.resolve("bin/java"), "#!/bin/bash\nexit 37\n");
        assertEquals(37, run(box.resolve("home"), link.toString()).code);
        assertEquals(37, run(box.resolve("home"), relative.toString()).code);
    }

    @Test
    void testPassesArgumentsAndSumsTheModules() throws Exception {
        jdk("machine/usr/lib/jvm/a", "25.0.3");
        Outcome run = run(root, "./mouselift", "test", "-Dtest=Foo");
        assertEquals(0, run.code, run.err);
        assertTrue(run.out.startsWith("Tests run: 7, Failures: 0, Errors: 0, Skipped: 1"), run.out);
        assertTrue(mavenRuns().getFirst().endsWith("verify -Dtest=Foo"), mavenRuns().getFirst());

        run(root, "./mouselift", "test", "-Dgroups=slow");
        assertTrue(mavenRuns().getLast().endsWith("verify -Dgroups=slow -DexcludedGroups="), mavenRuns().getLast());
        run(root, "./mouselift", "test", "-Dgroups=slow", "-DexcludedGroups=bench");
        assertTrue(mavenRuns().getLast().endsWith("verify -Dgroups=slow -DexcludedGroups=bench"), mavenRuns().getLast());

        set("MAVEN_FAILS", "1");
        Outcome failed = run(root, "./mouselift", "test");
        assertEquals(1, failed.code);
        assertTrue(failed.out.contains("FAILED"), failed.out);
    }

    @Test
    void concurrentBuildsWaitForEachOther() throws Exception {
        jdk("machine/usr/lib/jvm/a", "25.0.3");
        set("MAVEN_SLEEP", "1");
        Process first = start(root, "./mouselift");
        Process second = start(root, "./mouselift");
        Outcome one = finish(first);
        Outcome two = finish(second);
        assertEquals(0, one.code, one.err);
        assertEquals(0, two.code, two.err);
        assertEquals(1, mavenRuns().size());
        assertTrue((one.err + two.err).contains("another build is running"), one.err + two.err);
    }

    @Test
    void aTerminatedBuildEndsMavenAndFreesTheLock() throws Exception {
        jdk("machine/usr/lib/jvm/a", "25.0.3");
        set("MAVEN_SLEEP", "30");
        Process build = start(root, "./mouselift");
        for (int i = 0; i < 100 && !Files.exists(box.resolve("maven.txt")); i++) {
            Thread.sleep(50);
        }
        long started = System.nanoTime();
        build.destroy();
        Outcome ended = finish(build);
        assertTrue(System.nanoTime() - started < 10_000_000_000L, "Maven was not ended");
        assertTrue(ended.code >= 128, "exit code " + ended.code);
        set("MAVEN_SLEEP", "");
        assertEquals(0, run(root, "./mouselift").code);
    }

    private Path jdk(String folder, String version) throws IOException {
        Path home = root.resolve(folder);
        executable(home.resolve("bin/java"), """
                #!/bin/bash
                if [ "$1" = -version ]; then echo 'openjdk version "%s"' >&2; exit; fi
                echo "java of %s"; printf '%%s\\n' "$@"
                """.formatted(version, home.getFileName()));
        executable(home.resolve("bin/javac"), "#!/bin/bash\n");
        Files.writeString(home.resolve("release"), "IMPLEMENTOR=\"Somebody\"\nJAVA_VERSION=\"" + version + "\"\n");
        return home;
    }

    private List<String> mavenRuns() throws IOException {
        return Files.readAllLines(box.resolve("maven.txt"));
    }

    private void newer(String file) throws IOException {
        Files.setLastModifiedTime(root.resolve(file), FileTime.from(Instant.now().plusSeconds(2)));
        Files.setLastModifiedTime(root.resolve("target/built"), FileTime.from(Instant.now().minusSeconds(2)));
    }

    private void write(String file, String text) throws IOException {
        Files.createDirectories(root.resolve(file).getParent());
        Files.writeString(root.resolve(file), text);
    }

    private static void executable(Path file, String text) throws IOException {
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
        assertTrue(file.toFile().setExecutable(true));
    }

    private void set(String name, String value) {
        environment.removeIf(entry -> entry.startsWith(name + "="));
        environment.add(name + "=" + value);
    }

    private Outcome run(Path folder, String... command) throws IOException, InterruptedException {
        return finish(start(folder, command));
    }

    private Process start(Path folder, String... command) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
        builder.environment().clear();
        environment.forEach(entry -> builder.environment().put(entry.substring(0, entry.indexOf('=')), entry.substring(entry.indexOf('=') + 1)));
        builder.redirectOutput(File.createTempFile("out", ".txt", box.toFile()));
        builder.redirectError(File.createTempFile("err", ".txt", box.toFile()));
        Process process = builder.start();
        outputs.put(process, List.of(builder.redirectOutput().file().toPath(), builder.redirectError().file().toPath()));
        return process;
    }

    private Outcome finish(Process process) throws IOException, InterruptedException {
        if (!process.waitFor(40, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new AssertionError("the launcher did not end");
        }
        List<Path> files = outputs.get(process);
        return new Outcome(process.exitValue(), Files.readString(files.get(0)), Files.readString(files.get(1)));
    }
}
