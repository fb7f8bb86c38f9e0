package org.mouselift.pipeline.verify;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.vae.AutoencoderConfig;
import org.mouselift.models.vae.AutoencoderKL;
import org.mouselift.models.vae.LatentDistribution;

/** The autoencoder in float32: latents, pictures, activations, the gradient of the latent, the latent distribution. */
public final class AutoencoderVerifier implements CaseVerifier {
    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return DiffusionGoldens.uses(folder, file, "AutoencoderKL")
                || folder.kind(file).equals("case") && folder.declares(file, "moments") && folder.declares(file, "kl");
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        List<CheckResult> checks = new ArrayList<>();
        Map<String, double[]> got = new HashMap<>();
        try (Scope scope = Scope.open(c.toString())) {
            if (c.has("kl")) {
                distribution(got, c, new LatentDistribution(DiffusionGoldens.tensor(c, "moments")));
            } else {
                network(got, c);
            }
        }
        for (String name : c.expected()) {
            checks.add(CheckResult.of(c.compare(name, got.get(name))));
        }
        return checks;
    }

    private static void network(Map<String, double[]> got, GoldenCase c) throws IOException {
        String checkpoint = c.entry().path("checkpoint").asText();
        AutoencoderConfig config = AutoencoderConfig.of(DiffusionGoldens.config(c.folder(), checkpoint), checkpoint);
        try (AutoencoderKL model = AutoencoderKL.load(config, DType.F32, DiffusionGoldens.weights(c.folder(), checkpoint), checkpoint)) {
            for (String point : model.hookPoints()) {
                if (c.has(point)) {
                    model.hook(point, (path, in, out) -> {
                        got.put(path, out.toDoubles());
                        return out;
                    });
                }
            }
            if (c.has("image") && c.inputs().contains("image")) {
                distribution(got, c, model.encode(DiffusionGoldens.tensor(c, "image")));
            }
            if (c.has("target")) {
                gradient(got, c, model);
            } else if (c.has("latent")) {
                got.put("decoded", model.decode(DiffusionGoldens.tensor(c, "latent")).toDoubles());
            }
        }
    }

    private static void gradient(Map<String, double[]> got, GoldenCase c, AutoencoderKL model) throws IOException {
        LossGradients g = LossGradients.of(c.toString(), model.stateDict(), 1, List.of(DiffusionGoldens.tensor(c, "latent"), DiffusionGoldens.tensor(c, "target")), in -> {
            Tensor image = model.decode(in.get(0));
            return List.of(Ops.mean(Ops.square(Ops.sub(image, in.get(1)))), image);
        });
        got.put("loss", g.values().get(0).toDoubles());
        got.put("image", g.values().get(1).toDoubles());
        got.put("grad.latent", g.operands().getFirst().toDoubles());
    }

    private static void distribution(Map<String, double[]> got, GoldenCase c, LatentDistribution d) throws IOException {
        Tensor logvar = d.logvar();
        got.put("moments", d.moments().toDoubles());
        got.put("mean", d.mean().toDoubles());
        got.put("mode", d.mode().toDoubles());
        got.put("logvar", logvar.toDoubles());
        got.put("std", Ops.exp(Ops.affine(logvar, 0.5, 0)).toDoubles());
        got.put("var", Ops.exp(logvar).toDoubles());
        got.put("kl", d.divergence().toDoubles());
        if (c.has("noise")) {
            got.put("sample", d.sample(DiffusionGoldens.tensor(c, "noise")).toDoubles());
        }
    }
}
