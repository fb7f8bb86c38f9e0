package org.mouselift.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Whoever starts a JVM for our code passes {@code conf/jvm.options}: a JVM without them can be 100 times slower. */
class JvmFlagsTest {
    private static final Path ROOT = Path.of(System.getProperty("mouselift.root"));
    private static final String OPTIONS = "conf/jvm.options";
    /** {@code java -…}, {@code "$JDK/bin/java" "@…}: a JVM that is started, in a script, a build file or a page. */
    private static final Pattern START = Pattern.compile("\\bjava\"?\\s+[\"']?[-@$]");
    private static final Pattern START_IN_JAVA = Pattern.compile("\"bin\", \"java\"|\"bin/java\"|\"/bin/java\"|\\.jvmArgs");
    /** Java files that start JVMs in which no kernel runs. */
    private static final Set<String> WITHOUT_KERNELS = Set.of("AtomicFileTest.java", "LauncherTest.java", "JvmFlagsTest.java");

    private static List<String> flags() throws IOException {
        return Files.readAllLines(ROOT.resolve(OPTIONS)).stream().map(String::strip).filter(line -> !line.isEmpty() && !line.startsWith("#")).toList();
    }

    private static List<Path> files() throws IOException {
        try (Stream<Path> all = Files.walk(ROOT)) {
            return all.filter(Files::isRegularFile).filter(file -> {
                Path path = ROOT.relativize(file);
                String top = path.getName(0).toString();
                boolean built = path.toString().contains("target/") || top.equals(".git") || top.equals("out");
                String name = file.getFileName().toString();
                return !built && (!name.contains(".") || name.matches(".*\\.(sh|md|xml|ya?ml|java|properties|txt)"));
            }).toList();
        }
    }

    @Test
    void thisJvmHasThem() throws IOException {
        List<String> arguments = ManagementFactory.getRuntimeMXBean().getInputArguments();
        for (String flag : flags()) {
            assertTrue(arguments.contains(flag), "the tests run without " + flag + ": " + arguments);
        }
    }

    @Test
    void everyPlaceThatStartsAJvmPassesThem() throws IOException {
        List<String> without = new ArrayList<>();
        int starts = 0;
        for (Path file : files()) {
            String name = file.getFileName().toString();
            List<String> lines = Files.readAllLines(file, java.nio.charset.StandardCharsets.ISO_8859_1);
            if (name.endsWith(".java")) {
                if (lines.stream().anyMatch(line -> START_IN_JAVA.matcher(line).find()) && !WITHOUT_KERNELS.contains(name)) {
                    starts++;
                    if (lines.stream().noneMatch(line -> line.contains(OPTIONS))) {
                        without.add(ROOT.relativize(file).toString());
                    }
                }
                continue;
            }
            for (int i = 0; i < lines.size(); i++) {
                String line = lines.get(i);
                boolean version = line.contains("java\" -version") || line.contains("java -version");
                boolean jvm = START.matcher(line).find() && !version || line.contains("<argLine>");
                if (jvm) {
                    starts++;
                    if (!line.contains(OPTIONS)) {
                        without.add(ROOT.relativize(file) + ":" + (i + 1) + ": " + line.strip());
                    }
                }
            }
        }
        assertEquals(List.of(), without, "start Java with @" + OPTIONS);
        assertTrue(starts >= 4, "the launcher, surefire and tests start JVMs; the scan found " + starts);
    }

    @Test
    void theScanFindsWhatItLooksFor() {
        for (String start : List.of("exec \"$JDK/bin/java\" -cp x Main", "$ java -jar mouselift.jar", "java @flags Main", "run: java \"$OPTS\" Main")) {
            assertTrue(START.matcher(start).find(), start);
        }
        for (String other : List.of("a tensor engine in plain Java 25", "the java.base module", "java and more", "JAVA_HOME=/usr/lib/jvm/java-25")) {
            assertFalse(START.matcher(other).find(), other);
        }
    }

    /** The flag that keeps vector kernels out of the tier where they would box every vector. */
    @Test
    void theFlagsHoldTheOneThatMatters() throws IOException {
        assertTrue(flags().stream().anyMatch(flag -> flag.matches("-XX:Tier3DelayOn=\\d{4,}")), flags().toString());
    }
}
