package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.mouselift.data.prompts.PromptStyle;
import org.mouselift.data.prompts.PromptStyles;
import org.mouselift.data.prompts.PromptWording;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code mouselift prompts styles}: the wordings there are. */
@Command(
        name = "styles",
        mixinStandardHelpOptions = true,
        description = "List the styles of prompts: their sentences and the rig they were made for.")
final class PromptsStylesCommand implements Callable<Integer> {
    @Option(names = "--styles", paramLabel = "FILE", description = "More styles, as JSON.")
    private Path styles;

    @Option(names = "--json", description = "Print a JSON list.")
    private boolean json;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        PromptStyles all = styles == null ? PromptStyles.builtIn() : PromptStyles.builtIn().with(styles);
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(Json.write(all.all().stream().map(PromptsStylesCommand::fields).toList()));
            return ExitCode.OK;
        }
        for (PromptStyle style : all.all()) {
            out.println(style.id() + " (" + style.rig() + "): " + style.description());
            print(out, "", style.wording());
            style.level().ifPresent(level -> print(out, "up to " + Math.round(style.levelUpTo()) + " degrees: ", level));
        }
        return ExitCode.OK;
    }

    private static Map<String, Object> fields(PromptStyle style) {
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("id", style.id());
        out.put("description", style.description());
        out.put("rig", style.rig());
        out.putAll(fields(style.wording()));
        style.level().ifPresent(level -> {
            Map<String, Object> inner = new LinkedHashMap<>(Map.of("up_to", style.levelUpTo()));
            inner.putAll(fields(level));
            out.put("level", inner);
        });
        out.put("legacy_azimuths", style.legacyAzimuths());
        return out;
    }

    private static Map<String, Object> fields(PromptWording wording) {
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("views", wording.views());
        out.put("height", wording.height().name().toLowerCase(Locale.ROOT));
        out.put("separator", wording.separator());
        out.put("colour", wording.colour());
        wording.normal().ifPresent(normal -> out.put("normal", normal));
        return out;
    }

    private static void print(PrintWriter out, String when, PromptWording wording) {
        out.println("    " + when + wording.colour());
        wording.normal().ifPresent(normal -> out.println("    " + when + normal));
    }
}
