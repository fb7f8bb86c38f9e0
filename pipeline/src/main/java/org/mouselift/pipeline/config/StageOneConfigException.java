package org.mouselift.pipeline.config;

import java.util.List;

/** The file configures the multi-view diffusion of stage 1, where a GS-LRM (stage 2) configuration is wanted. */
public final class StageOneConfigException extends ConfigException {
    private static final long serialVersionUID = 1L;

    StageOneConfigException(String name, String telltale) {
        super(name, List.of(name + " configures stage 1, the multi-view diffusion (it has \"" + telltale
                + "\" and no \"model\"); train it with: mouselift train diffusion --config FILE."));
    }
}
