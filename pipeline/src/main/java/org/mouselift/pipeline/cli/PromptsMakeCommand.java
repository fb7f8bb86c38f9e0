package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.mouselift.data.prompts.PromptMetadata;
import org.mouselift.data.prompts.PromptText;
import org.mouselift.data.safetensors.StoredType;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.pipeline.prompts.PromptFile;
import org.mouselift.pipeline.prompts.TextEncoder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift prompts make}: sentences to embeddings. */
@Command(
        name = "make",
        mixinStandardHelpOptions = true,
        description = "Write prompt embeddings of a style for the cameras of a rig, with the text encoder of a pipeline.",
        sortOptions = false,
        footer = {"", "A .safetensors file holds the tensors clr and normal and all that is known about them. A .pt file holds the",
            "colour tensor alone, as the original reads it; beside it lie normal_embeds.pt and metadata.json.", "",
            "Examples:", "  mouselift prompts make --style facelift --text-encoder pipeckpts -o fixed_prompt_embeds_6view/clr_embeds.pt",
            "  mouselift prompts make --rig mouse6 --front 0 --view-assignment angular --style mouse_elevated \\",
            "      --text-encoder pipeckpts/text_encoder -o mouse6.safetensors"})
final class PromptsMakeCommand implements Callable<Integer> {
    /** Element types of the file. */
    enum Type { F16, F32 }

    @Mixin
    private PromptTextArguments text;

    @Option(names = "--text-encoder", required = true, paramLabel = "DIR", description = "CLIP text encoder: config.json and weights, or a pipeline folder that has text_encoder/.")
    @PathRole(code = "MFL-E202")
    private Path encoder;

    @Option(names = "--tokenizer", paramLabel = "DIR", description = "Its tokenizer: vocab.json, merges.txt, special_tokens_map.json (default: in or beside the text encoder).")
    @PathRole(code = "MFL-E301")
    private Path tokenizer;

    @Option(names = "--unet", paramLabel = "DIR", description = "UNet that will read the embeddings: its width and number of views are checked first.")
    @PathRole(code = "MFL-E201")
    private Path unet;

    @Option(names = "--type", defaultValue = "F16", paramLabel = "TYPE", description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}, as the original's files).")
    private Type type;

    @Option(names = {"-o", "--output"}, required = true, paramLabel = "FILE", description = "File to write: .safetensors or .pt.")
    @PathRole(PathRole.Kind.OUTPUT_FILE)
    private Path output;

    @Option(names = "--force", description = "Replace files that exist.")
    private boolean force;

    @ParentCommand
    private PromptsCommand parent;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        PromptText words = text.text();
        PromptFile.requireNew(output, !words.normal().isEmpty(), force);
        if (output.toAbsolutePath().getParent() != null) {
            java.nio.file.Files.createDirectories(output.toAbsolutePath().getParent());
        }
        TextEncoder texts = TextEncoder.open(encoder, tokenizer);
        if (unet != null) {
            requireFit(words, texts, UNetArgument.read(unet));
        }
        List<List<String>> lists = new ArrayList<>(List.of(words.colour()));
        if (!words.normal().isEmpty()) {
            lists.add(words.normal());
        }
        for (List<String> sentences : lists) {
            texts.tokens(sentences);
        }
        List<float[]> rows = texts.encode(lists);
        long[] shape = {words.slots().size(), TextEncoder.TOKENS, texts.width()};
        PromptMetadata.Encoder origin = texts.provenance();
        String version = Mouselift.class.getPackage().getImplementationVersion();
        String command = "mouselift " + (version == null ? "" : version + " ") + String.join(" ", spec.root().commandLine().getParseResult().originalArgs());
        PromptFile.write(output, new PromptFile.Content(shape, rows.getFirst(), rows.size() > 1 ? Optional.of(rows.get(1)) : Optional.empty()),
                type == Type.F16 ? StoredType.F16 : StoredType.F32,
                (colour, normal) -> PromptMetadata.of(words, List.of(shape[0], shape[1], shape[2]), origin, colour, normal, command));
        spec.commandLine().getOut().printf(Locale.ROOT, "%s: %s[%d,%d,%d], style %s, rig %s%n", output, type, shape[0], shape[1], shape[2], words.style(), words.rig());
        for (int i = 0; i < words.colour().size(); i++) {
            spec.commandLine().getOut().println("  " + i + "  " + words.colour().get(i));
        }
        return ExitCode.OK;
    }

    private void requireFit(PromptText words, TextEncoder texts, UNetConfig config) {
        if (texts.width() != config.crossAttentionDim()) {
            throw CommandException.badInput("MFL-E104: the text encoder " + encoder + " makes embeddings of width " + texts.width() + " but the UNet " + unet + " expects "
                    + config.crossAttentionDim(), "Use the text encoder of the UNet's pipeline; nothing was written.");
        }
        if (words.slots().size() != config.numViews()) {
            throw CommandException.badInput("MFL-E110: the rig " + words.rig() + " has " + words.slots().size() + " cameras, num_views of the UNet " + unet + " is "
                    + config.numViews(), "Use a rig with as many cameras; nothing was written.");
        }
    }
}
