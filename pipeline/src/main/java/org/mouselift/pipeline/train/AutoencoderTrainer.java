package org.mouselift.pipeline.train;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.models.optim.Optimizer;
import org.mouselift.models.optim.TrainingStep;
import org.mouselift.models.vae.AutoencoderKL;
import org.mouselift.models.vae.LatentDistribution;

/**
 * Training of the autoencoder (Rombach et al. 2022, without the adversarial part): pictures of random views through a drawn latent
 * and back, absolute and squared error, where the subject may weigh more than the background, and the divergence of the latents.
 */
public final class AutoencoderTrainer extends TrainingRun {
    /** Streams of the generator, so that different uses of one seed never share numbers. */
    private static final long CHOICE = 3L << 40;
    private static final long NOISE = 4L << 40;
    private static final String SQUARES = "mean_square";
    private static final int SHOWN = 8;

    /**
     * What is learnt from.
     *
     * @param train samples with RGB pictures, or RGBA composited on their background
     * @param validation null for none
     * @param batch pictures a pass
     * @param l1 factor of the mean absolute error
     * @param l2 factor of the mean squared error
     * @param kl factor of the divergence, mean over latent elements
     * @param chroma factor of the mean absolute error of the colour differences R-G and G-B
     * @param foreground weight of a pixel of the subject (alpha 1), one of the background having 1
     * @param validationPictures at most so many pictures, always the same
     */
    public record Plan(Course course, SceneSource train, SceneSource validation, int batch, double l1, double l2, double kl, double chroma, double foreground, int validationPictures) {}

    private final AutoencoderKL model;
    private final Plan plan;

    /** @param step of the optimiser, both closed with the trainer */
    public AutoencoderTrainer(AutoencoderKL model, Optimizer optimiser, TrainingStep step, Plan plan, TrainingListener listener) {
        super(model.stateDict(), optimiser, step, plan.course(), listener);
        this.model = model;
        this.plan = plan;
    }

    /**
     * A picture.
     *
     * @param values [3,H,W] in [-1,1]
     * @param alpha [H*W]; null without
     */
    private record Picture(String name, int size, float[] values, float[] alpha) {}

    private static Picture picture(SceneSource source, int index, int view, Philox draws) throws IOException {
        Scene scene = source.load(index, draws);
        int v = view < 0 ? draws.below(scene.views()) : view % scene.views();
        float[] rgb = scene.rgb(v);
        for (int i = 0; i < rgb.length; i++) {
            rgb[i] = 2 * rgb[i] - 1;
        }
        return new Picture(scene.id() + ", view " + v, scene.height(), rgb, scene.mask(v));
    }

    private static Tensor tensor(List<Picture> pictures) {
        int size = pictures.getFirst().size;
        int each = 3 * size * size;
        float[] all = new float[pictures.size() * each];
        for (int i = 0; i < pictures.size(); i++) {
            System.arraycopy(pictures.get(i).values, 0, all, i * each, each);
        }
        return Tensor.of(all, pictures.size(), 3, size, size);
    }

    @Override
    protected Pass pass(long number) throws IOException {
        List<Picture> pictures = new ArrayList<>();
        for (int i = 0; i < plan.batch(); i++) {
            Philox draws = new Philox(plan.course().seed(), CHOICE + number * plan.batch() + i);
            pictures.add(picture(plan.train(), draws.below(plan.train().size()), -1, draws));
        }
        return new Pass() {
            @Override
            public Object kind() {
                return "autoencoder";
            }

            @Override
            public List<Tensor> operands() {
                Tensor x = tensor(pictures);
                Tensor weights = weights(pictures);
                Tensor noise = noise(number, x);
                return weights == null ? List.of(x, noise) : List.of(x, noise, weights);
            }

            @Override
            public TrainingStep.Outcome compute(List<Tensor> in) {
                return forward(in.get(0), in.get(1), in.size() > 2 ? in.get(2) : null);
            }

            @Override
            public void read(Map<String, Tensor> values, Map<String, Double> numbers) {
                values.forEach((name, t) -> numbers.put(name, t.item()));
                numbers.put("psnr", psnr(numbers.remove(SQUARES)));
            }

            @Override
            public String subjects() {
                return pictures.stream().map(Picture::name).toList().toString();
            }

            @Override
            public long epoch() {
                return number * plan.batch() / plan.train().size();
            }
        };
    }

    /** Weights [N,1,H,W] of the pixels with a mean of 1; null where all are equal. */
    private Tensor weights(List<Picture> pictures) {
        if (plan.foreground() == 1) {
            return null;
        }
        int size = pictures.getFirst().size;
        float[] all = new float[pictures.size() * size * size];
        double sum = 0;
        for (int i = 0; i < all.length; i++) {
            Picture p = pictures.get(i / (size * size));
            if (p.alpha == null) {
                throw new IllegalArgumentException("losses.foreground is " + plan.foreground() + " but " + p.name + " has no alpha that tells the subject; set it to 1");
            }
            all[i] = (float) (1 + (plan.foreground() - 1) * p.alpha[i % (size * size)]);
            sum += all[i];
        }
        for (int i = 0; i < all.length; i++) {
            all[i] *= (float) (all.length / sum);
        }
        return Tensor.of(all, pictures.size(), 1, size, size);
    }

    private static Tensor weighted(Tensor error, Tensor weights) {
        return weights == null ? error : Ops.mul(error, weights);
    }

    /** Standard normal numbers of the latents' shape. */
    private Tensor noise(long number, Tensor x) {
        int factor = model.config().factor();
        long[] shape = {x.dim(0), model.config().latentChannels(), x.dim(2) / factor, x.dim(3) / factor};
        Philox random = new Philox(plan.course().seed(), NOISE + number);
        float[] noise = new float[Math.toIntExact(shape[0] * shape[1] * shape[2] * shape[3])];
        for (int i = 0; i < noise.length; i++) {
            noise[i] = (float) random.nextGaussian();
        }
        return Tensor.of(noise, shape);
    }

    private TrainingStep.Outcome forward(Tensor x, Tensor noise, Tensor weights) {
        LatentDistribution latent = model.encode(x);
        Tensor y = model.decode(latent.sample(noise));
        Tensor difference = Ops.sub(y, x);
        Tensor squared = Ops.mean(weighted(Ops.square(difference), weights));
        Tensor divergence = Ops.affine(Ops.sum(latent.divergence()), 1.0 / noise.numel(), 0);
        Tensor absolute = Ops.mean(weighted(Ops.abs(difference), weights));
        Tensor colour = plan.chroma() == 0 ? null
                : Ops.mean(weighted(Ops.abs(Ops.sub(Ops.slice(difference, 1, 0, 2), Ops.slice(difference, 1, 1, 3))), weights));
        Tensor errors = Ops.add(Ops.affine(absolute, plan.l1(), 0), Ops.affine(squared, plan.l2(), 0));
        Tensor picture = colour == null ? errors : Ops.add(errors, Ops.affine(colour, plan.chroma(), 0));
        Tensor loss = Ops.add(picture, Ops.affine(divergence, plan.kl(), 0));
        Map<String, Tensor> values = new LinkedHashMap<>();
        values.put("loss", loss);
        values.put("l1_loss", absolute);
        values.put("l2_loss", squared);
        if (colour != null) {
            values.put("chroma_loss", colour);
        }
        values.put("kl_loss", divergence);
        values.put(SQUARES, Tape.pause(() -> Ops.mean(Ops.square(difference))));
        return new TrainingStep.Outcome(loss, values);
    }

    /** Of pictures in [-1,1]. */
    private static double psnr(double meanSquare) {
        return -10 * Math.log10(Math.max(meanSquare / 4, 1e-10));
    }

    @Override
    protected void validate() throws IOException {
        if (plan.validation() == null) {
            return;
        }
        int n = Math.min(plan.validationPictures(), plan.validation().size());
        double psnr = 0;
        double variance = 0;
        double subject = 0;
        double covered = 0;
        List<SupervisionGrid.View> grid = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            Picture p = picture(plan.validation(), i, i, new Philox(plan.course().seed(), i));
            try (Scope scope = Scope.open("validation")) {
                Tensor x = tensor(List.of(p));
                Tensor mode = model.encode(x).mode();
                Tensor y = Ops.clamp(model.decode(mode), -1, 1);
                float[] drawn = y.toFloats();
                for (int j = 0; p.alpha != null && j < drawn.length; j++) {
                    double a = p.alpha[j % p.alpha.length];
                    subject += a * (drawn[j] - p.values[j]) * (drawn[j] - p.values[j]);
                    covered += a;
                }
                psnr += psnr(Ops.mean(Ops.square(Ops.sub(y, x))).item()) / n;
                variance += Ops.mean(Ops.square(mode)).item() / n;
                if (i < SHOWN) {
                    grid.add(new SupervisionGrid.View(unit(p.values), unit(drawn), p.size, p.size));
                }
            }
        }
        listener().picture(passes(), "val/gt_vs_pred_0", SupervisionGrid.draw(grid));
        Map<String, Double> values = new LinkedHashMap<>();
        values.put("val/psnr", psnr);
        if (covered > 0) {
            values.put("val/psnr_foreground", psnr(subject / covered));
        }
        values.put("val/latent_rms", Math.sqrt(variance));
        listener().validated(passes(), values);
    }

    private static float[] unit(float[] x) {
        float[] out = new float[x.length];
        for (int i = 0; i < x.length; i++) {
            out[i] = x[i] / 2 + 0.5f;
        }
        return out;
    }

    /**
     * One over the standard deviation of the latents of some pictures: the {@code scaling_factor} of a pipeline folder.
     *
     * @param pictures how many to look at
     */
    public double scalingFactor(int pictures) throws IOException {
        double sum = 0;
        double squares = 0;
        long count = 0;
        for (int i = 0; i < Math.min(pictures, plan.train().size()); i++) {
            Picture p = picture(plan.train(), i, i, new Philox(plan.course().seed(), i));
            try (Scope scope = Scope.open("latents")) {
                double[] z = model.encode(tensor(List.of(p))).mode().toDoubles();
                sum += Arrays.stream(z).sum();
                squares += Arrays.stream(z).map(v -> v * v).sum();
                count += z.length;
            }
        }
        double mean = sum / count;
        return 1 / Math.sqrt(squares / count - mean * mean);
    }
}
