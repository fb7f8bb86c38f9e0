package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.mouselift.data.prompts.PromptMetadata;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import org.mouselift.pipeline.prompts.PromptFile;
import org.mouselift.pipeline.prompts.TextEncoder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mouselift prompts verify}: whether a text encoder makes the embeddings of a file from its sentences (mouse specification §5.4). */
@Command(
        name = "verify",
        mixinStandardHelpOptions = true,
        description = "Make prompt embeddings again from their sentences and compare them with the stored ones.",
        sortOptions = false,
        footer = {"", "They are those of the encoder if no number differs by 0.02 or more and every row's cosine exceeds 0.9999.",
            "Exit code 1 if they are not.", "",
            "Example:", "  mouselift prompts verify fixed_prompt_embeds_6view/clr_embeds.pt --text-encoder pipeckpts"})
final class PromptsVerifyCommand implements Callable<Integer> {
    private static final double LARGEST = 0.02;
    private static final double LEAST_COSINE = 0.9999;

    @Parameters(paramLabel = "FILE", description = "Prompt embeddings, .pt or .safetensors.")
    private Path file;

    @Option(names = "--text-encoder", required = true, paramLabel = "DIR", description = "CLIP text encoder: config.json and weights, or a pipeline folder that has text_encoder/.")
    private Path encoder;

    @Option(names = "--tokenizer", paramLabel = "DIR", description = "Its tokenizer (default: in or beside the text encoder).")
    private Path tokenizer;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        List<PromptEmbeddings> all = PromptFile.readWithNormal(file);
        TextEncoder texts = TextEncoder.open(encoder, tokenizer);
        List<List<String>> sentences = all.stream().map(PromptsVerifyCommand::sentences).toList();
        for (int i = 0; i < all.size(); i++) {
            PromptEmbeddings p = all.get(i);
            if (sentences.get(i).size() != p.rows()) {
                throw CommandException.badInput("MFL-E107: " + p.file() + " has " + p.rows() + " rows and " + sentences.get(i).size() + " sentences (" + p.metadataFrom() + ")",
                        "Only embeddings whose sentences are known can be made again");
            }
            if (p.shape()[1] != TextEncoder.TOKENS || p.shape()[2] != texts.width()) {
                throw CommandException.badInput("MFL-E104: " + p.file() + " is " + p.describe() + ", the text encoder " + encoder + " makes [" + p.rows() + "," + TextEncoder.TOKENS + "," + texts.width() + "]",
                        "Name the encoder it was made with");
            }
        }
        List<float[]> made = texts.encode(sentences);
        boolean ok = true;
        PrintWriter out = spec.commandLine().getOut();
        for (int i = 0; i < all.size(); i++) {
            ok &= compare(out, all.get(i), made.get(i));
        }
        return ok ? ExitCode.OK : ExitCode.CHECK_FAILED;
    }

    private static List<String> sentences(PromptEmbeddings p) {
        return p.metadata().map(p.kind() == PromptEmbeddings.Kind.COLOUR ? PromptMetadata::colour : PromptMetadata::normal).orElse(List.of());
    }

    private static boolean compare(PrintWriter out, PromptEmbeddings p, float[] made) {
        int row = made.length / p.rows();
        boolean all = true;
        for (int i = 0; i < p.rows(); i++) {
            double largest = 0;
            double dot = 0;
            double a = 0;
            double b = 0;
            for (int k = i * row; k < (i + 1) * row; k++) {
                double x = p.values()[k];
                double y = made[k];
                largest = Math.max(largest, Math.abs(x - y));
                dot += x * y;
                a += x * x;
                b += y * y;
            }
            double cosine = dot / Math.sqrt(a * b);
            // Written so that what is not a number fails.
            boolean ok = largest < LARGEST && cosine > LEAST_COSINE;
            all &= ok;
            out.printf(Locale.ROOT, "%s %s row %d: largest difference %.5f, cosine %.6f%n", ok ? "ok  " : "FAIL", p.kind().name().toLowerCase(Locale.ROOT), i, largest, cosine);
        }
        return all;
    }
}
