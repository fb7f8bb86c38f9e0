package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.mouselift.pipeline.config.ConfigOverride;
import org.mouselift.pipeline.config.DiffusionConfigReader;
import org.mouselift.pipeline.config.GslrmConfigReader;
import org.mouselift.pipeline.config.StageOneConfigException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mouselift config}: reads training configurations and says what would not do what it seems to. */
@Command(
        name = "config",
        description = "Check training configurations (YAML): types, unknown keys, settings without effect.",
        footer = {"", "Exit code 3 when a file cannot be used.", "", "Examples:", "  mouselift config configs/mouse_gslrm_full.yaml",
            "  mouselift config --show configs/gslrm.yaml --set training.optimizer.lr 1e-5"})
final class ConfigCommand implements Callable<Integer> {
    @Parameters(arity = "1..*", paramLabel = "FILE", description = "Configuration files of train gslrm or train diffusion.")
    private List<Path> files;

    @Option(names = {"-s", "--set"}, arity = "2", paramLabel = "KEY VALUE", hideParamSyntax = true,
            description = "Set a value by its dotted key; repeatable.")
    private List<String> set = new ArrayList<>();

    @Option(names = "--show", description = "Print every setting that would be used.")
    private boolean show;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        List<ConfigOverride> overrides = ConfigOverride.pairs(set);
        PrintWriter out = spec.commandLine().getOut();
        List<Map<String, Object>> reports = new ArrayList<>();
        int unusable = 0;
        for (Path file : files) {
            Map<String, Object> report = new LinkedHashMap<>();
            report.put("file", file.toString());
            try {
                Loaded loaded = read(file, overrides);
                report.put("warnings", loaded.warnings());
                if (json || show) {
                    report.put("settings", settings(loaded.config()));
                }
                if (!json) {
                    print(file, loaded, report, out);
                }
            } catch (IOException e) {
                unusable++;
                ErrorReport error = ErrorReport.of(e, false);
                report.put("error", error.message());
                if (!json) {
                    out.println("FAIL  " + error.message());
                }
            }
            reports.add(report);
        }
        if (json) {
            out.println(Json.write(Map.of("files", reports)));
        }
        return unusable > 0 ? ExitCode.BAD_INPUT : ExitCode.OK;
    }

    /** A configuration of either stage, and what a careful reader would say about it. */
    private record Loaded(Record config, List<String> warnings) {}

    private static Loaded read(Path file, List<ConfigOverride> overrides) throws IOException {
        try {
            GslrmConfigReader.Loaded loaded = GslrmConfigReader.read(file, overrides);
            return new Loaded(loaded.config(), loaded.warnings());
        } catch (StageOneConfigException e) {
            DiffusionConfigReader.Loaded loaded = DiffusionConfigReader.read(file, overrides);
            return new Loaded(loaded.config(), loaded.warnings());
        }
    }

    private void print(Path file, Loaded loaded, Map<String, Object> report, PrintWriter out) {
        out.println((loaded.warnings().isEmpty() ? "ok    " : "warn  ") + file);
        loaded.warnings().forEach(warning -> out.println("      " + warning));
        if (show) {
            ((Map<?, ?>) report.get("settings")).forEach((key, value) -> out.println("      " + key + " = " + value));
        }
    }

    /** Flattens the records to dotted names. */
    private static Map<String, Object> settings(Record config) {
        Map<String, Object> flat = new LinkedHashMap<>();
        flatten("", config, flat);
        return flat;
    }

    private static void flatten(String path, Record value, Map<String, Object> flat) {
        for (var component : value.getClass().getRecordComponents()) {
            String name = path + component.getName();
            try {
                Object part = component.getAccessor().invoke(value);
                switch (part) {
                    case Record record -> flatten(name + ".", record, flat);
                    case Optional<?> optional -> flat.put(name, optional.map(Object::toString).orElse("none"));
                    case OptionalDouble optional -> flat.put(name, optional.isPresent() ? optional.getAsDouble() : "none");
                    case OptionalInt optional -> flat.put(name, optional.isPresent() ? optional.getAsInt() : "none");
                    case double[] numbers -> flat.put(name, Arrays.toString(numbers));
                    case Number number -> flat.put(name, number);
                    case Boolean truth -> flat.put(name, truth);
                    default -> flat.put(name, part.toString());
                }
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException("cannot read " + name, e);
            }
        }
    }
}
