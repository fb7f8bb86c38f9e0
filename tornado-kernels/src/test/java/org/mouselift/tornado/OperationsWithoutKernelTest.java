package org.mouselift.tornado;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.reflect.Modifier;
import java.net.URISyntaxException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.Operation;
import org.mouselift.engine.ViewOperation;
import org.mouselift.models.splat.SplatViews;
import org.mouselift.tornado.plan.LoweringRules;

/** Every operation of the engine and the models has a kernel for devices, or is named here with the reason why not. */
class OperationsWithoutKernelTest {
    private static final String PARTS = "taken apart while tracing, into operations that have kernels";

    private static final Map<String, String> WITHOUT = new TreeMap<>(Map.ofEntries(
            Map.entry("engine.op.Geglu$Grad", PARTS),
            Map.entry("engine.op.GroupNorm$GroupNormGrad", PARTS),
            Map.entry("engine.op.LayerNorm$LayerNormGrad", PARTS),
            Map.entry("engine.op.Softmax$Grad", PARTS),
            Map.entry("engine.op.Unary$Grad", PARTS),
            Map.entry("models.gslrm.CameraRays", PARTS),
            Map.entry("models.losses.Ssim", PARTS),
            Map.entry("models.losses.Ssim$SsimGrad", "never recorded: the gradient of a similarity that was taken apart follows its parts"),
            Map.entry("models.optim.CleanGradient", PARTS),
            Map.entry("models.optim.SquaredNorm", "gives f64, which devices do not compute in; a traced training step sums squares in f32"),
            Map.entry("models.splat.SplatRender", "has its cameras as parameters; programs record splat_views, which has them as operands"),
            Map.entry("models.splat.SplatRender$Gradient", "gradient of splat_render, see there")));

    private static Set<Class<?>> operations(Class<?> member) throws IOException, URISyntaxException {
        Path place = Path.of(member.getProtectionDomain().getCodeSource().getLocation().toURI());
        if (Files.isDirectory(place)) {
            return under(place, member.getClassLoader());
        }
        try (FileSystem jar = FileSystems.newFileSystem(place)) {
            return under(jar.getPath("/"), member.getClassLoader());
        }
    }

    private static Set<Class<?>> under(Path root, ClassLoader loader) throws IOException {
        List<String> names;
        try (Stream<Path> files = Files.walk(root)) {
            names = files.map(f -> root.relativize(f).toString().replace('\\', '/')).filter(f -> f.startsWith("org/mouselift/") && f.endsWith(".class"))
                    .map(f -> f.substring(0, f.length() - ".class".length()).replace('/', '.')).sorted().toList();
        }
        Set<Class<?>> out = new TreeSet<>(java.util.Comparator.comparing(Class::getName));
        for (String name : names) {
            Class<?> c;
            try {
                c = Class.forName(name, false, loader);
            } catch (ClassNotFoundException e) {
                throw new IllegalStateException(name + " is in " + root + " and cannot be loaded", e);
            }
            if (Operation.class.isAssignableFrom(c) && !Modifier.isAbstract(c.getModifiers())) {
                out.add(c);
            }
        }
        return out;
    }

    @Test
    void everyOperationHasAKernelOrAReason() throws IOException, URISyntaxException {
        Set<Class<?>> all = operations(Operation.class);
        int inEngine = all.size();
        all.addAll(operations(SplatViews.class));
        assertTrue(inEngine >= 30 && all.size() > inEngine, "only " + all.size() + " operations were found");
        Set<String> missing = new TreeSet<>();
        for (Class<?> c : all) {
            if (!ViewOperation.class.isAssignableFrom(c) && !LoweringRules.operations().contains(c)) {
                missing.add(c.getName().substring("org.mouselift.".length()));
            }
        }
        for (Class<?> c : all) {
            String reason = WITHOUT.get(c.getName().substring("org.mouselift.".length()));
            assertEquals(PARTS.equals(reason), reason != null && Stream.of(c.getDeclaredMethods()).anyMatch(m -> m.getName().equals("composed")),
                    c.getName() + ": what is taken apart has a composed form, and only that");
        }
        assertEquals(String.join("\n", WITHOUT.keySet()), String.join("\n", missing));
    }
}
