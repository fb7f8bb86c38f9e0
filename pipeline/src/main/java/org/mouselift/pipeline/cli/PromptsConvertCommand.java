package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.mouselift.data.prompts.PromptMetadata;
import org.mouselift.data.safetensors.StoredType;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import org.mouselift.pipeline.prompts.PromptFile;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mouselift prompts convert}: the same embeddings in the other kind of file. */
@Command(
        name = "convert",
        mixinStandardHelpOptions = true,
        description = "Write prompt embeddings as .safetensors or .pt, with what is known about them.",
        sortOptions = false,
        footer = {"", "Normal-map embeddings go along: of a .pt file those beside it (normal_embeds.pt, NAME_normal.pt).", "",
            "Example:", "  mouselift prompts convert fixed_prompt_embeds_6view/clr_embeds.pt -o human6.safetensors"})
final class PromptsConvertCommand implements Callable<Integer> {
    @Parameters(paramLabel = "FILE", description = "Prompt embeddings, .pt or .safetensors.")
    private Path from;

    @Option(names = {"-o", "--output"}, required = true, paramLabel = "FILE", description = "File to write: .safetensors or .pt.")
    @PathRole(PathRole.Kind.OUTPUT_FILE)
    private Path to;

    @Option(names = "--type", paramLabel = "TYPE", description = "F16 or F32 (default: F16 for F16, otherwise F32).")
    private PromptsMakeCommand.Type type;

    @Option(names = "--force", description = "Replace files that exist.")
    private boolean force;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        List<PromptEmbeddings> all = PromptFile.readWithNormal(from);
        PromptEmbeddings colour = all.getFirst();
        if (colour.kind() != PromptEmbeddings.Kind.COLOUR) {
            throw CommandException.badInput("MFL-E109: " + from + " holds normal-map prompts alone", "Name the file of the colour prompts; those of the normal maps beside it go along");
        }
        PromptMetadata m = colour.metadata().orElseThrow(() -> CommandException.badInput("MFL-E107: " + from + ": " + colour.metadataFrom() + ": direction, elevation and encoder unknown",
                "Say what the set stands for with mouselift prompts show " + from + " --write-metadata --rig RIG, then convert it"));
        Optional<PromptEmbeddings> normal = all.size() > 1 ? Optional.of(all.get(1)) : Optional.empty();
        PromptFile.requireNew(to, normal.isPresent(), force);
        StoredType stored = type == null ? colour.type() == StoredType.F16 ? StoredType.F16 : StoredType.F32 : StoredType.valueOf(type.name());
        if (to.toAbsolutePath().getParent() != null) {
            Files.createDirectories(to.toAbsolutePath().getParent());
        }
        List<Long> shape = Arrays.stream(colour.shape()).boxed().toList();
        PromptFile.write(to, new PromptFile.Content(colour.shape(), colour.values(), normal.map(PromptEmbeddings::values)), stored,
                (clr, nrm) -> new PromptMetadata(PromptMetadata.SCHEMA, m.template(), m.rig(), m.learned(), m.slots(), m.colour(), m.normal(), shape, m.model(), m.encoder(), clr, nrm,
                        m.createdBy()));
        spec.commandLine().getOut().println(to + ": " + PromptEmbeddings.read(to).describe() + (normal.isPresent() ? ", with normal maps" : ""));
        return ExitCode.OK;
    }
}
