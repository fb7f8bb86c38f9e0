package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.mouselift.pipeline.prompts.PromptCheck;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import org.mouselift.pipeline.prompts.TrainedPrompts;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mouselift prompts check}: whether embeddings, UNet, number of views and cameras belong together. */
@Command(
        name = "check",
        mixinStandardHelpOptions = true,
        description = "Check whether prompt embeddings, UNet, number of views and cameras belong together.",
        sortOptions = false,
        footer = {"", "Exit code 0 if every check that has something to compare with holds, 1 if one does not, 3 if the file",
            "cannot be read. views, reconstruct, evaluate and train diffusion make the same checks before they load",
            "weights.", "",
            "Examples:", "  mouselift prompts check clr_embeds.pt --unet pipeckpts/unet --rig human6 --views 6",
            "  mouselift prompts check mouse6.safetensors --rig data_mouse/sample_000000"})
final class PromptsCheckCommand implements Callable<Integer> {
    @Parameters(paramLabel = "FILE", description = "Prompt embeddings, .pt or .safetensors.")
    @PathRole(PathRole.Kind.NAMED_BY_COMMAND)
    private Path file;

    @Option(names = "--unet", paramLabel = "DIR", description = "UNet that reads them: its folder, a training checkpoint or a pipeline.")
    @PathRole(code = "MFL-E201")
    private Path unet;

    @Option(names = {"--rig", "--cameras"}, paramLabel = "RIG", description = "Cameras of the second stage, in slot order: a rig or a camera file.")
    @PathRole(PathRole.Kind.RIG)
    private String rig;

    @Option(names = "--views", paramLabel = "N", description = "Number of views (n_views).")
    private Integer views;

    @Option(names = "--allow", paramLabel = "CODE", description = "This check may fail: ${COMPLETION-CANDIDATES}.", completionCandidates = Codes.class)
    private List<String> allowed = new ArrayList<>();

    @Option(names = "--json", description = "Print a JSON list.")
    private boolean json;

    @Spec
    private CommandSpec spec;

    /** Codes of {@code --allow}. */
    static final class Codes extends ArrayList<String> {
        private static final long serialVersionUID = 1L;

        Codes() {
            super(PromptCheck.ALLOWABLE);
        }
    }

    @Override
    public Integer call() throws IOException {
        SamplingArguments.requireAllowable(allowed, PromptCheck.ALLOWABLE);
        if (views != null && views < 1) {
            throw CommandException.usage("--views " + views + ": expected at least 1", "");
        }
        PromptCheck check = PromptCheck.of(PromptEmbeddings.read(file));
        if (unet != null) {
            check.unet(UNetArgument.read(unet), unet.toString(), TrainedPrompts.read(UNetArgument.folder(unet)));
        }
        if (views != null) {
            check.views(views, "--views");
        }
        if (rig != null) {
            check.cameras(RigArgument.read(rig));
        }
        List<PromptCheck.Finding> findings = check.run();
        boolean failed = findings.stream().anyMatch(this::fails);
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(Json.write(findings));
            return failed ? ExitCode.CHECK_FAILED : ExitCode.OK;
        }
        for (PromptCheck.Finding f : findings) {
            String mark = fails(f) ? "FAIL" : switch (f.outcome()) {
                case PASSED -> "ok  ";
                case NOT_CHECKED -> "-   ";
                default -> "warn";
            };
            out.println(mark + " " + f.message());
        }
        return failed ? ExitCode.CHECK_FAILED : ExitCode.OK;
    }

    private boolean fails(PromptCheck.Finding f) {
        return f.outcome() == PromptCheck.Outcome.FAILED && !allowed.contains(f.code());
    }
}
