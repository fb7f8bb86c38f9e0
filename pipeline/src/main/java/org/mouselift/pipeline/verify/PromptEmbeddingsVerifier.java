package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.clip.ClipConfig;
import org.mouselift.models.clip.ClipTextModel;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import org.mouselift.pipeline.prompts.TextEncoder;

/** Prompt embeddings of a pipeline folder: its text encoder on given tokens and on sentences, and the stored file as the pipeline reads it. */
public final class PromptEmbeddingsVerifier implements CaseVerifier {
    private static final String TEXT = "/text_encoder";

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return folder.kind(file).equals("case") && folder.entry(file).path("tensors").has("input_ids")
                && Files.isDirectory(folder.resolve(folder.entry(file).path("checkpoint").asText("") + TEXT));
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        String checkpoint = c.entry().path("checkpoint").asText();
        List<CheckResult> checks = new ArrayList<>();
        try (Scope scope = Scope.open(c.toString());
                ClipTextModel model = ClipTextModel.load(ClipConfig.text(DiffusionGoldens.config(c.folder(), checkpoint + TEXT), checkpoint + TEXT), DType.F32,
                        DiffusionGoldens.weights(c.folder(), checkpoint + TEXT), checkpoint + TEXT)) {
            long[] flat = c.longs("input_ids");
            int rows = (int) c.shape("input_ids")[0];
            long[][] ids = new long[rows][flat.length / rows];
            for (int i = 0; i < flat.length; i++) {
                ids[i / ids[0].length][i % ids[0].length] = flat[i];
            }
            Tensor embeddings = model.embed(ids);
            Tensor rounded = Ops.cast(Ops.cast(embeddings, DType.F16), DType.F32);
            for (String name : c.expected()) {
                checks.add(switch (name) {
                    case "embeddings" -> CheckResult.of(c.compare(name, embeddings.toDoubles()));
                    case "embeddings_f16" -> CheckResult.of(c.compare(name, rounded.toDoubles()));
                    default -> CheckResult.fail(name, "is not computed");
                });
            }
        }
        Path file = c.folder().resolve("clr_embeds.pt");
        if (Files.isRegularFile(file) && c.has("embeddings_f16")) {
            boolean same = Arrays.equals(PromptEmbeddings.read(file).values(), c.floats("embeddings_f16"));
            checks.add(CheckResult.check(file.getFileName().toString(), same, same ? "holds embeddings_f16" : "differs from embeddings_f16"));
        }
        String texts = c.tensors().metadata().get("prompts");
        if (texts != null) {
            sentences(c, c.folder().resolve(checkpoint), List.of(new ObjectMapper().readValue(texts, String[].class)), checks);
        }
        return checks;
    }

    /** From the sentences themselves: token numbers, and embeddings as {@code prompts make} writes them. */
    private static void sentences(GoldenCase c, Path pipeline, List<String> sentences, List<CheckResult> checks) throws IOException {
        TextEncoder encoder = TextEncoder.open(pipeline, null);
        long[] ids = Arrays.stream(encoder.tokens(sentences)).flatMapToLong(Arrays::stream).toArray();
        boolean same = Arrays.equals(ids, c.longs("input_ids"));
        checks.add(CheckResult.check("tokens of the sentences", same, same ? "equal input_ids" : "differ from input_ids"));
        if (c.has("embeddings")) {
            checks.add(CheckResult.of(c.compare("embeddings", encoder.encode(List.of(sentences)).getFirst())));
        }
    }
}
